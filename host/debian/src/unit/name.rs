/// Types of units.
const TYPES: [&str; 11] =
    ["service", "socket", "target", "timer", "path", "mount", "automount", "swap", "slice", "scope", "device"];

/// The name of a unit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct UnitName(String);

impl UnitName {
    /// Reads a name; a name without a type is a service, as `systemctl` has it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        let has_type = text.rsplit_once('.').is_some_and(|(_, kind)| TYPES.contains(&kind));
        let text = if has_type { text.to_owned() } else { format!("{text}.service") };
        let is_name = text.len() <= 255 && text.chars().all(is_plain) && !text.starts_with(['.', '@']);
        is_name.then_some(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name without its type, and the type.
    fn stem(&self) -> (&str, &str) {
        self.0.rsplit_once('.').unwrap_or((&self.0, ""))
    }

    /// Returns the part before `@`, and the instance.
    fn parts(&self) -> (&str, Option<&str>) {
        let (stem, _) = self.stem();
        stem.split_once('@').map_or((stem, None), |(prefix, instance)| (prefix, Some(instance)))
    }

    /// Returns whether the unit is a template (`getty@.service`).
    pub(super) fn is_template(&self) -> bool {
        self.parts().1 == Some("")
    }

    /// Returns the template of an instance.
    pub(super) fn template(&self) -> Option<Self> {
        let (prefix, instance) = self.parts();
        instance.filter(|instance| !instance.is_empty())?;
        Some(Self(format!("{prefix}@.{}", self.stem().1)))
    }

    /// Returns an instance of a template.
    pub(super) fn instance(&self, instance: &str) -> Option<Self> {
        Self::parse(&format!("{}@{instance}.{}", self.parts().0, self.stem().1))
    }

    /// Replaces the specifiers of an `[Install]` section that depend on the name only. Returns nothing for others.
    pub(super) fn expand(&self, text: &str) -> Option<String> {
        let mut expanded = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                expanded.push(c);
                continue;
            }
            let (prefix, instance) = self.parts();
            expanded.push_str(match chars.next()? {
                '%' => "%",
                'n' => &self.0,
                'N' => self.stem().0,
                'p' => prefix,
                'i' => instance.unwrap_or_default(),
                'j' => prefix.rsplit('-').next().unwrap_or(prefix),
                _ => return None,
            });
        }
        Some(expanded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_type_and_plain_letters() {
        assert_eq!(UnitName::parse("docker").unwrap().as_str(), "docker.service");
        assert_eq!(UnitName::parse("dbus-org.bluez.service").unwrap().as_str(), "dbus-org.bluez.service");
        for text in ["../x.service", "a/b.service", ".service", "a b.service", &"x".repeat(300)] {
            assert_eq!(UnitName::parse(text), None, "{text}");
        }
    }

    #[test]
    fn instances_belong_to_templates() {
        let tty = UnitName::parse("getty@tty1.service").unwrap();
        let template = tty.template().unwrap();
        assert_eq!(template.as_str(), "getty@.service");
        assert!(template.is_template() && template.template().is_none());
        assert_eq!(template.instance("tty1"), Some(tty.clone()));
        assert_eq!(tty.expand("%p-%i-%n.target").unwrap(), "getty-tty1-getty@tty1.service.target");
        assert_eq!(tty.expand("%H.target"), None);
    }
}
