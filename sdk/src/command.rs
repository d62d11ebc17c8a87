use crate::Failure;
use crate::FailureCode;
use crate::Result;
use crate::bindings::command::exports::skiff::plugin::commands::Argument;

pub use crate::bindings::command::exports::skiff::plugin::commands::Value;

/// A plugin with commands.
pub trait Command {
    /// Runs a command and returns its exit status: 0 when all went well. Only then is kept what was written to images and
    /// target.
    ///
    /// # Errors
    /// A [`Failure`] is shown to the user with its hint.
    fn invoke(command: &str, arguments: &Arguments) -> Result<u8>;
}

/// The arguments of a command, typed as the manifest declares them.
#[derive(Debug, Clone, Default)]
pub struct Arguments(Vec<Argument>);

impl Arguments {
    #[doc(hidden)]
    pub fn new(arguments: Vec<Argument>) -> Self {
        Self(arguments)
    }

    /// Adds an argument as if the user had given it: for tests.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.push(Argument { name: name.to_owned(), value: value.into() });
        self
    }

    fn find(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|argument| argument.name == name).map(|argument| &argument.value)
    }

    /// Returns whether a flag is set.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.find(name), Some(Value::Flag(true)))
    }

    /// Returns an integer, or `None` when it was not given.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.find(name) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// Returns a text or choice, or `None` when it was not given.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.find(name) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// Returns the words of an argument of kind `words`; none when it was not given.
    pub fn words(&self, name: &str) -> &[String] {
        match self.find(name) {
            Some(Value::Many(words)) => words,
            _ => &[],
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Vec<String>> for Value {
    fn from(words: Vec<String>) -> Self {
        Self::Many(words)
    }
}

impl Arguments {
    /// Makes the failure for a command name that the plugin does not know.
    pub fn unknown_command(command: &str) -> Failure {
        Failure::new(FailureCode::Internal, format!("the plugin has no command `{command}`"))
    }
}

/// Makes a type that implements [`Command`] the plugin's commands.
#[macro_export]
macro_rules! export_command {
    ($plugin:ty) => {
        const _: () = {
            use $crate::command_bindings::exports::skiff::plugin::commands as interface;
            struct Component;
            impl interface::Guest for Component {
                fn invoke(
                    command: ::std::string::String,
                    arguments: ::std::vec::Vec<interface::Argument>,
                ) -> ::core::result::Result<u8, interface::Failure> {
                    let arguments = $crate::Arguments::new(arguments);
                    <$plugin as $crate::Command>::invoke(&command, &arguments).map_err(::core::convert::Into::into)
                }
            }
            // A native build, for unit tests, exports nothing and still uses all of the plugin.
            #[cfg(not(target_family = "wasm"))]
            const _: fn(&str, &$crate::Arguments) -> $crate::Result<u8> = <$plugin as $crate::Command>::invoke;
            #[cfg(target_family = "wasm")]
    $crate::command_bindings::export_command_component!(Component with_types_in $crate::command_bindings);
        };
    };
}
