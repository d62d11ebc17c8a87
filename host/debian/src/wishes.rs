use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;

/// What layers ask for, on top of what packages do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Rules for units; the last rule for a unit wins, also over skiff's own rules.
    pub units: Vec<UnitRule>,
    /// The login shell of root, instead of the one that the packages give.
    pub root_shell: Option<String>,
}

/// A rule for units, written as a line such as `mask fstrim.timer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitRule {
    /// What happens to the units.
    pub action: UnitAction,
    /// The name of a unit, or a pattern with `*` and `?`.
    pub pattern: String,
}

/// What happens to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitAction {
    /// The links of its `[Install]` section are made.
    Enable,
    /// The links of its `[Install]` section are not made. Links that a package contains stay.
    Disable,
    /// It cannot start.
    Mask,
}

/// A text that is not a rule for units.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `enable`, `disable` or `mask` and a unit, found `{}`", skiff_text::shown(.0))]
pub struct UnitRuleError(String);

impl FromStr for UnitRule {
    type Err = UnitRuleError;

    /// Reads a line such as `mask fstrim.timer`.
    fn from_str(text: &str) -> Result<Self, UnitRuleError> {
        let error = || UnitRuleError(text.chars().take(200).collect());
        let mut words = text.split_whitespace();
        let action = match words.next() {
            Some("enable") => UnitAction::Enable,
            Some("disable") => UnitAction::Disable,
            Some("mask") => UnitAction::Mask,
            _ => return Err(error()),
        };
        let pattern = words.next().filter(|_| words.clone().next().is_none()).ok_or_else(error)?.to_owned();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@*?".contains(c);
        match pattern.len() <= 255 && pattern.chars().all(is_plain) {
            true => Ok(Self { action, pattern }),
            false => Err(error()),
        }
    }
}

impl TryFrom<String> for UnitRule {
    type Error = UnitRuleError;

    fn try_from(text: String) -> Result<Self, UnitRuleError> {
        text.parse()
    }
}

impl From<UnitRule> for String {
    fn from(rule: UnitRule) -> Self {
        rule.to_string()
    }
}

impl fmt::Display for UnitRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            UnitAction::Enable => "enable",
            UnitAction::Disable => "disable",
            UnitAction::Mask => "mask",
        };
        write!(f, "{action} {}", self.pattern)
    }
}

impl UnitRule {
    /// Returns whether the rule names one unit, and is not a pattern.
    pub(crate) fn is_exact(&self) -> bool {
        !self.pattern.contains(['*', '?'])
    }

    /// Returns whether the rule is for a unit.
    pub(crate) fn matches(&self, unit: &str) -> bool {
        let (pattern, unit) = (self.pattern.as_bytes(), unit.as_bytes());
        let (mut at, mut of) = (0, 0);
        // The last star, and what it stands for so far.
        let mut star: Option<(usize, usize)> = None;
        while let Some(byte) = unit.get(of) {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, of));
                    at += 1;
                }
                Some(other) if *other == b'?' || other == byte => {
                    at += 1;
                    of += 1;
                }
                _ => {
                    let Some((star_at, star_of)) = star else { return false };
                    star = Some((star_at, star_of + 1));
                    at = star_at + 1;
                    of = star_of + 1;
                }
            }
        }
        pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_an_action_and_a_unit() {
        let rule: UnitRule = " mask  apt-daily*".parse().unwrap();
        assert_eq!(rule, UnitRule { action: UnitAction::Mask, pattern: "apt-daily*".into() });
        assert_eq!(rule.to_string(), "mask apt-daily*");
        for text in ["", "mask", "mask a b", "start a.service", "mask a/b", "mask é"] {
            assert!(text.parse::<UnitRule>().is_err(), "{text}");
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        let matches =
            |pattern: &str, unit: &str| UnitRule { action: UnitAction::Mask, pattern: pattern.into() }.matches(unit);
        assert!(matches("apt-daily*", "apt-daily-upgrade.timer"));
        assert!(matches("*.timer", "a.timer") && !matches("*.timer", "a.timers"));
        assert!(matches("a*b*c", "aXbYbZc") && !matches("a*b*c", "aXbY"));
        assert!(matches("a?c", "abc") && !matches("a", "ab") && !matches("ab", "a"));
        assert!(!matches(&("a*".repeat(100) + "b"), &"a".repeat(200)));
    }
}
