use std::collections::BTreeMap;

/// A stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    Auth,
    Account,
    Password,
    Session,
    SessionNoninteractive,
}

impl Service {
    pub(super) const ALL: [Self; 5] =
        [Self::Auth, Self::Account, Self::Password, Self::Session, Self::SessionNoninteractive];

    /// Returns the end of the name of the stack's file.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SessionNoninteractive => "session-noninteractive",
            other => other.kind(),
        }
    }

    /// Returns the first word of the stack's lines.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Account => "account",
            Self::Password => "password",
            Self::Session | Self::SessionNoninteractive => "session",
        }
    }

    /// Returns the field of profiles.
    fn field(self) -> &'static str {
        match self {
            Self::Auth => "Auth",
            Self::Account => "Account",
            Self::Password => "Password",
            Self::Session | Self::SessionNoninteractive => "Session",
        }
    }
}

/// The two parts of a stack that profiles fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Primary,
    Additional,
}

/// A profile: `NAME: value` lines, and lines that go on (`usr/share/doc/libpam-runtime`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    name: String,
    fields: BTreeMap<String, String>,
}

impl Profile {
    pub(super) fn read(name: String, text: &str) -> Self {
        let mut fields: BTreeMap<String, String> = BTreeMap::new();
        let mut field = String::new();
        for line in text.lines() {
            let begins = line.split_once(':').filter(|(key, _)| !key.is_empty() && !key.contains(char::is_whitespace));
            match begins {
                Some((key, value)) => {
                    field = key.strip_suffix("-Final").unwrap_or(key).to_owned();
                    fields.insert(field.clone(), value.trim().to_owned());
                }
                None if line.trim().is_empty() => {}
                None => {
                    let value = fields.entry(field.clone()).or_default();
                    if !value.is_empty() {
                        value.push('\n');
                    }
                    value.push_str(line.trim());
                }
            }
        }
        Self { name, fields }
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn priority(&self) -> i64 {
        self.field("Priority").parse().unwrap_or(0)
    }

    /// Returns whether the profile has lines for this part of a stack.
    pub(super) fn is_in(&self, service: Service, part: Part) -> bool {
        let is_left_out =
            service == Service::SessionNoninteractive && self.fields.contains_key("Session-Interactive-Only");
        let word = match part {
            Part::Primary => "Primary",
            Part::Additional => "Additional",
        };
        !is_left_out && self.field(&format!("{}-Type", service.field())) == word
    }

    /// Returns the lines for a stack; the first profile of a part can have others.
    pub(super) fn lines(&self, service: Service, is_first: bool) -> impl Iterator<Item = &str> {
        let initial = self.field(&format!("{}-Initial", service.field()));
        let text = if is_first && !initial.is_empty() { initial } else { self.field(service.field()) };
        text.lines().filter(|line| !line.is_empty())
    }
}

/// Returns the profiles that are on by default, in their order: by priority and then by name, both descending. Of two
/// profiles in conflict, the later one goes.
pub(super) fn enabled(mut profiles: Vec<Profile>) -> Vec<Profile> {
    profiles.retain(|profile| profile.field("Default") == "yes");
    profiles.sort_by(|a, b| (b.priority(), &b.name).cmp(&(a.priority(), &a.name)));
    let mut enabled: Vec<Profile> = Vec::new();
    for profile in profiles {
        let is_in_conflict = |a: &Profile, b: &Profile| a.field("Conflicts").split(", ").any(|name| name == b.name);
        if !enabled.iter().any(|other| is_in_conflict(other, &profile) || is_in_conflict(&profile, other)) {
            enabled.push(profile);
        }
    }
    enabled
}
