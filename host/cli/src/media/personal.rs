//! What makes a medium somebody's own: the name of the machine, keys, networks. Given when a device is written; never part of
//! an image that others get, and never kept.

use std::path::PathBuf;

use serde::Deserialize;
use skiff_flash::Item;
use skiff_flash::ItemKind;
use skiff_flash::Plan;

use crate::args::PersonalArgs;
use crate::command_error::CommandError;
use crate::command_error::Kind;
use crate::command_error::Result;
use crate::session::Session;

/// `personalize:` of the project file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Personal {
    /// The name of the machine.
    hostname: Option<String>,
    /// Files with public keys that may log in over ssh, relative to the project file.
    ssh_keys: Vec<PathBuf>,
    /// Networks that it joins.
    wifi: Vec<Wifi>,
}

/// A wireless network.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wifi {
    ssid: String,
    /// The password, in a file or a variable, so that no project file has to hold it.
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
}

/// Everything read: what goes onto the medium.
struct Own {
    hostname: Option<String>,
    keys: Vec<(String, String)>,
    wifi: Vec<(String, String)>,
}

/// Adds what the project file and the command line say to a plan.
pub(crate) fn personalize(session: &Session, args: &PersonalArgs, plan: &mut Plan) -> Result<()> {
    let own = Own::read(session, args)?;
    if own.hostname.is_none() && own.keys.is_empty() && own.wifi.is_empty() {
        return Ok(());
    }
    if !plan.add(false, own.persistent()) {
        return Err(CommandError::new(Kind::User, "The layout has no partition in which users keep things")
            .hint("personal settings go to the last partition with ext4"));
    }
    // Systems with cloud-init read these from the partition that every machine can read.
    plan.add(true, own.cloud());
    Ok(())
}

impl Own {
    fn read(session: &Session, args: &PersonalArgs) -> Result<Self> {
        let project = &session.project.personalize;
        let unreadable = |path: &PathBuf, error: &dyn std::fmt::Display| {
            CommandError::new(Kind::User, format!("Cannot read `{}`: {error}", path.display())).hint("is it there?")
        };
        let hostname = args.hostname.clone().or_else(|| project.hostname.clone());
        if let Some(name) = &hostname {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            if name.is_empty() || name.len() > 63 || name.starts_with('-') || !name.bytes().all(plain) {
                return Err(CommandError::new(Kind::User, format!("`{name}` is no name for a machine"))
                    .hint("letters, digits and `-`, 63 at most"));
            }
        }
        let files = project.ssh_keys.iter().map(|path| session.project.absolute(path));
        let files = files.chain(args.ssh_key.iter().map(|path| session.environment.absolute(path)));
        let mut keys = Vec::new();
        for path in files {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            // Whoever names the private key by mistake must not find it on a card.
            if text.contains("PRIVATE KEY")
                || !text
                    .lines()
                    .any(|line| line.starts_with("ssh-") || line.contains("ecdsa-") || line.starts_with("sk-"))
            {
                return Err(CommandError::new(Kind::User, format!("`{}` holds no public ssh key", path.display()))
                    .hint("public keys are in files that end with .pub"));
            }
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            keys.push((format!("{}.pub", plain_name(&stem)), format!("{}\n", text.trim_end())));
        }
        let mut wifi = Vec::new();
        for network in &project.wifi {
            let password = match (&network.password, &network.password_file, &network.password_env) {
                (Some(password), None, None) => password.clone(),
                (None, Some(file), None) => {
                    let path = session.project.absolute(file);
                    std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?
                }
                (None, None, Some(name)) => session.environment.get(name).map(str::to_owned).ok_or_else(|| {
                    CommandError::new(
                        Kind::User,
                        format!("The variable {name} with the password of `{}` is not set", network.ssid),
                    )
                    .hint("set it for this run")
                })?,
                _ => {
                    return Err(CommandError::new(
                        Kind::User,
                        format!("Network `{}` takes one of password, password_file, password_env", network.ssid),
                    )
                    .hint("see `personalize:` in README.md"));
                }
            };
            wifi.push((network.ssid.clone(), password));
        }
        if let Some(ssid) = &args.wifi {
            let path = args.wifi_password_file.as_ref().map(|path| session.environment.absolute(path));
            let password = match &path {
                Some(path) => std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?,
                None => session.environment.get("SKIFF_WIFI_PASSWORD").map(str::to_owned).ok_or_else(|| {
                    CommandError::new(Kind::Usage, format!("No password for `{ssid}` was given"))
                        .hint("in a file: --wifi-password-file, or in the variable SKIFF_WIFI_PASSWORD")
                })?,
            };
            wifi.push((ssid.clone(), password));
        }
        for (ssid, password) in &mut wifi {
            *password = password.trim_end_matches(['\r', '\n']).to_owned();
            let is_text = |text: &str| !text.chars().any(char::is_control);
            // IEEE 802.11: a name has up to 32 bytes, a passphrase 8 to 63 characters.
            if ssid.is_empty()
                || ssid.len() > 32
                || !(8..=63).contains(&password.len())
                || !is_text(ssid)
                || !is_text(password)
            {
                return Err(CommandError::new(Kind::User, format!("`{ssid}` cannot be joined as it is given"))
                    .hint("a name has up to 32 bytes, a password 8 to 63 characters"));
            }
        }
        Ok(Self { hostname, keys, wifi })
    }

    /// As SkiffOS reads them from the persistent partition.
    fn persistent(&self) -> Vec<Item> {
        let mut items = Vec::new();
        if let Some(name) = &self.hostname {
            items.push(Item::text("skiff/hostname", format!("{name}\n")));
        }
        for (name, key) in &self.keys {
            items.push(Item::text(format!("skiff/keys/{name}"), key.as_str()));
        }
        for (ssid, password) in &self.wifi {
            let text = format!(
                "[connection]\nid={0}\ntype=wifi\n\n[wifi]\nmode=infrastructure\nssid={0}\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk={1}\n\n\
                 [ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n",
                keyfile(ssid),
                keyfile(password)
            );
            // NetworkManager takes no connection that others can read.
            items.push(Item {
                kind: ItemKind::Text { bytes: text.into_bytes(), mode: 0o600 },
                ..Item::text(format!("skiff/connections/{}.nmconnection", plain_name(ssid)), "")
            });
        }
        items
    }

    /// As cloud-init reads them (NoCloud).
    fn cloud(&self) -> Vec<Item> {
        let name = self.hostname.as_deref().unwrap_or("skiff");
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut user = String::from("#cloud-config\n");
        if let Some(name) = &self.hostname {
            user += &format!("hostname: {name}\n");
        }
        if !self.keys.is_empty() {
            user += "ssh_authorized_keys:\n";
            let lines = self.keys.iter().flat_map(|(_, key)| key.lines()).filter(|line| !line.trim().is_empty());
            user.extend(lines.map(|line| format!("  - {}\n", quoted(line))));
        }
        let mut items = vec![Item::text("meta-data", format!("instance-id: {name}\n")), Item::text("user-data", user)];
        if !self.wifi.is_empty() {
            let mut text = String::from("version: 2\nwifis:\n  wlan0:\n    dhcp4: true\n    access-points:\n");
            for (ssid, password) in &self.wifi {
                text += &format!("      {}:\n        password: {}\n", quoted(ssid), quoted(password));
            }
            items.push(Item::text("network-config", text));
        }
        items
    }
}

/// A value in a key file of NetworkManager: `\` and `;` have a meaning there.
fn keyfile(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;")
}

/// A name for a file.
fn plain_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = text.chars().map(plain).collect();
    name.trim_start_matches('.').to_owned()
}
