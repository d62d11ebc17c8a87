//! What a system will be like, and what it lacks.

/// What the system of a plan will be like, in sentences.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Outlook {
    /// Why it cannot be built at all; a build fails with the same message.
    pub impossible: Option<String>,
    /// How people get in; `None` where nobody can tell, or nobody can.
    pub login: Option<String>,
    /// What it lacks: what concerns the whole system first.
    pub lacks: Vec<Lacking>,
}

/// A consequence of what an engine cannot give.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Lacking {
    /// The layer that it concerns; `None` for the system as a whole.
    pub layer: Option<String>,
    /// The sentence.
    pub text: String,
    /// Whether the machine cannot start the system for it.
    pub fatal: bool,
}

impl Outlook {
    /// Returns whether a machine can start the system, as far as the layers say.
    pub fn starts(&self) -> bool {
        self.impossible.is_none() && !self.lacks.iter().any(|lack| lack.fatal)
    }
}

impl std::fmt::Display for Lacking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.layer {
            Some(layer) => write!(f, "{layer}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}
