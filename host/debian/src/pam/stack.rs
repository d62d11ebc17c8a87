use super::profile::Part;
use super::profile::Profile;
use super::profile::Service;

/// The marks of a template: the lines between the first two, and between the last two, are replaced.
const MARKS: [&str; 4] = [
    "# here are the per-package modules (the \"Primary\" block)",
    "# here's the fallback if no module succeeds",
    "# and here are more per-package modules (the \"Additional\" block)",
    "# end of pam-auth-update config",
];

/// Fills a template, or returns nothing if it lacks a mark.
pub(super) fn fill(template: &str, service: Service, profiles: &[Profile]) -> Option<String> {
    let mut text = String::new();
    let mut marks = MARKS.iter().enumerate().peekable();
    let mut is_replaced = false;
    for line in template.lines() {
        let mark = marks.next_if(|(_, mark)| line.starts_with(**mark)).map(|(index, _)| index);
        if mark.is_none() && is_replaced {
            continue;
        }
        text.push_str(line);
        text.push('\n');
        match mark {
            Some(0) => text += &block(service, Part::Primary, profiles),
            Some(2) => text += &block(service, Part::Additional, profiles),
            _ => {}
        }
        is_replaced = match mark {
            Some(index) => index % 2 == 0,
            None => is_replaced,
        };
    }
    marks.next().is_none().then_some(text)
}

/// Returns the lines of a part.
fn block(service: Service, part: Part, profiles: &[Profile]) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut profiles = profiles.iter().filter(|profile| profile.is_in(service, part));
    if let Some(first) = profiles.next() {
        lines.extend(first.lines(service, true));
    }
    lines.extend(profiles.flat_map(|profile| profile.lines(service, false)));
    // Without a line here, the fallback behind it would deny everything.
    if lines.is_empty() && part == Part::Primary {
        return format!("{}\t[default=1]\t\t\tpam_permit.so\n", service.kind());
    }
    // `end` is the line behind the fallback. In the additional part, it is the last line.
    let mut left = lines.len();
    if part == Part::Additional {
        left = left.saturating_sub(1);
    }
    let mut text = String::new();
    for line in lines {
        let (control, module, options) = split(line);
        let control =
            if control.starts_with('[') { control.replace("=end", &format!("={left}")) } else { control.into() };
        text += &format!("{}\t{control}{module} {}\n", service.kind(), options.join(" "));
        left = left.saturating_sub(1);
    }
    text
}

/// Splits a line into its control field, the module with the space before it, and options.
fn split(line: &str) -> (&str, &str, Vec<&str>) {
    let end = match line.starts_with('[') {
        true => line.find(']').map_or(line.len(), |end| end + 1),
        false => line.find(char::is_whitespace).unwrap_or(line.len()),
    };
    let (control, rest) = line.split_at_checked(end).unwrap_or((line, ""));
    let start = rest.len() - rest.trim_start().len();
    let end = rest.get(start..).and_then(|rest| rest.find(char::is_whitespace)).map_or(rest.len(), |end| start + end);
    let (module, options) = rest.split_at_checked(end).unwrap_or((rest, ""));
    (control, module, options.split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::super::profile::enabled;
    use super::*;

    fn template() -> String {
        format!(
            "# head\n{}\n$auth_primary\n{}\nauth requisite deny\n{}\n$more\n{}\n",
            MARKS[0], MARKS[1], MARKS[2], MARKS[3]
        )
    }

    fn filled(service: Service, profiles: &[(&str, &str)]) -> Vec<String> {
        let profiles = profiles.iter().map(|(name, text)| Profile::read((*name).into(), text)).collect();
        let text = fill(&template(), service, &enabled(profiles)).unwrap();
        text.lines().filter(|line| !line.starts_with('#') && !line.contains("deny")).map(str::to_owned).collect()
    }

    const UNIX: &str = "Name: U\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\t[success=end default=ignore]\t\
                        unix.so try\nAuth-Initial:\n\t[success=end default=ignore]\tunix.so\nSession-Type: Additional\n\
                        Session:\n\trequired\tunix.so\n";
    const EXTRA: &str = "Name: E\nDefault: yes\nPriority: 300\nAuth-Type: Primary\nAuth:\n\t[success=end]  extra.so  a  b\n\t\
                         [success=end] more.so\nSession-Type: Additional\nSession-Interactive-Only: yes\nSession:\n\
                         optional e.so\n";

    #[test]
    fn jumps_lead_behind_the_fallback() {
        assert_eq!(filled(Service::Auth, &[("unix", UNIX)]), ["auth\t[success=1 default=ignore]\tunix.so "]);
        assert_eq!(
            filled(Service::Auth, &[("unix", UNIX), ("extra", EXTRA)]),
            [
                "auth\t[success=3]  extra.so a b",
                "auth\t[success=2] more.so ",
                "auth\t[success=1 default=ignore]\tunix.so try",
            ]
        );
    }

    #[test]
    fn an_empty_primary_part_permits() {
        assert_eq!(
            filled(Service::Session, &[("unix", UNIX), ("extra", EXTRA)]),
            ["session\t[default=1]\t\t\tpam_permit.so", "session\toptional e.so ", "session\trequired\tunix.so ",]
        );
    }

    #[test]
    fn interactive_profiles_and_those_that_are_off_are_left_out() {
        let off = UNIX.replace("Default: yes", "Default: no").replace("unix.so", "off.so");
        let lines = filled(Service::SessionNoninteractive, &[("off", &off), ("extra", EXTRA), ("unix", UNIX)]);
        assert_eq!(lines, ["session\t[default=1]\t\t\tpam_permit.so", "session\trequired\tunix.so "]);
    }

    #[test]
    fn of_two_profiles_in_conflict_the_first_stays() {
        let other = UNIX.replace("Priority: 256", "Priority: 1\nConflicts: unix").replace("unix.so", "other.so");
        assert_eq!(filled(Service::Auth, &[("other", &other), ("unix", UNIX)]).len(), 1);
    }

    #[test]
    fn a_template_without_its_marks_is_not_filled() {
        assert_eq!(fill("# head\n", Service::Auth, &[]), None);
    }
}
