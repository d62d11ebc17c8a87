//! Calls a tool in ways that its manifest does not allow; the command says which.

use skiff_sdk::{Arguments, Command, Result, Tool};

struct Guest;
skiff_sdk::export_command!(Guest);

impl Command for Guest {
    fn invoke(_: &str, arguments: &Arguments) -> Result<u8> {
        let head = Tool::new("head");
        let outcome = match arguments.text("text").unwrap_or_default() {
            "undeclared" => Tool::new("sh").args(["-c", "true"]).run(None)?,
            "path" => Tool::new("/usr/bin/head").run(None)?,
            "argument" => head.args(["--version"]).run(None)?,
            "host-path" => head.args(["-c", "6", "/etc/passwd"]).run(None)?,
            "escape" => head.args(["-c", "6"]).path("/state/../../../etc/passwd").run(None)?,
            "link" => head.args(["-c", "6"]).path("/layer/parts/link-out").run(None)?,
            "elsewhere" => head.args(["-c", "6"]).path("/target/etc/passwd").run(None)?,
            "terminal" => return head.args(["-c", "6"]).path("/layer/parts/data").attach(),
            other => panic!("{other}"),
        };
        Ok(outcome.status)
    }
}
