//! The commands of the plugin.

use skiff_sdk::{Arguments, Command, Level, Result};

struct Plugin;
skiff_sdk::export_command!(Plugin);

impl Command for Plugin {
    fn invoke(command: &str, arguments: &Arguments) -> Result<u8> {
        match command {
            "{{command}}" => println!("{}", greeting(arguments.text("name").unwrap_or("sailor"))),
            other => return Err(Arguments::unknown_command(other)),
        }
        skiff_sdk::log(Level::Info, "greeted somebody");
        Ok(0)
    }
}

fn greeting(name: &str) -> String {
    format!("Ahoy, {name}!")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_greeted() {
        assert_eq!(greeting("Alice"), "Ahoy, Alice!");
    }

    #[test]
    fn the_command_greets() {
        let host = skiff_sdk::testing::Host::new();
        let status = Plugin::invoke("{{command}}", &Arguments::default().with("name", "Alice")).unwrap();
        assert_eq!((status, host.messages()), (0, vec!["greeted somebody".to_owned()]));
    }
}
