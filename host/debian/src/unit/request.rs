use super::install::Scope;
use super::name::UnitName;
use crate::script::Script;

/// What a script asks for a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Enable,
    Disable,
    Mask,
}

/// A request of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(super) asked: Asked,
    pub(super) scope: Scope,
    pub(super) unit: UnitName,
}

/// Reads the commands of all scripts that enable units, in their order.
pub(crate) fn read(scripts: &mut [Script]) -> Vec<Request> {
    let mut requests = Vec::new();
    for call in scripts.iter_mut().flat_map(|script| &mut script.calls) {
        if !matches!(call.verb(), "deb-systemd-helper" | "systemctl") {
            continue;
        }
        let words = call.words.iter().skip(1).filter(|word| !word.shown().starts_with('-'));
        let Some(words) = words.map(|word| word.known()).collect::<Option<Vec<_>>>() else { continue };
        let is_user = call.words.iter().any(|word| matches!(word.known(), Some("--user" | "--global")));
        let scope = if is_user { Scope::User } else { Scope::System };
        let Some((command, units)) = words.split_first() else { continue };
        let asked = match *command {
            "enable" | "reenable" => Asked::Enable,
            "disable" => Asked::Disable,
            "mask" => Asked::Mask,
            // What concerns records of installations, or a running system.
            "unmask"
            | "debian-installed"
            | "was-enabled"
            | "update-state"
            | "purge"
            | "is-enabled"
            | "is-active"
            | "daemon-reload"
            | "daemon-reexec"
            | "start"
            | "stop"
            | "restart"
            | "try-restart"
            | "reload"
            | "try-reload-or-restart"
            | "reload-or-restart"
            | "kill" => {
                call.is_taken = true;
                continue;
            }
            _ => continue,
        };
        let units: Option<Vec<UnitName>> = units.iter().map(|unit| UnitName::parse(unit)).collect();
        if let Some(units) = units {
            requests.extend(units.into_iter().map(|unit| Request { asked, scope, unit }));
            call.is_taken = true;
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_are_off_by_default_are_not_enabled() {
        let text = "if deb-systemd-helper debian-installed 'off.socket'; then\n deb-systemd-helper enable 'off.socket' \
                    >/dev/null || true\nfi\nif deb-systemd-helper --quiet was-enabled 'on.service'; then\n \
                    deb-systemd-helper enable 'on.service' || true\nelse\n deb-systemd-helper update-state \
                    'on.service'\nfi\nsystemctl ${DPKG_ROOT:+--root=\"$DPKG_ROOT\"} enable getty@tty1.service || \
                    true\ndeb-systemd-helper --user enable 'u.socket'\nsystemctl start $x";
        let mut scripts = [Script::read("a", Some(text)).0];
        let shown = |request: &Request| format!("{:?} {:?} {}", request.asked, request.scope, request.unit.as_str());
        assert_eq!(
            read(&mut scripts).iter().map(shown).collect::<Vec<_>>(),
            ["Enable System on.service", "Enable System getty@tty1.service", "Enable User u.socket"]
        );
        let open: Vec<_> = scripts[0]
            .calls
            .iter()
            .filter(|call| call.verb() == "systemctl" && !call.is_taken)
            .map(|call| call.text())
            .collect();
        assert_eq!(open, ["systemctl start $x"]);
    }
}
