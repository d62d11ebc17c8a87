//! Personal settings of a medium: host name, ssh keys, networks. Given when a device is written; never part of
//! an image that others get, and never kept.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use skiff_flash::Item;
use skiff_flash::ItemKind;
use skiff_flash::Plan;
use skiff_layers::ReadError;

use crate::Session;
use crate::error::Result;
use skiff_text::Shown as _;

/// Bytes of a file with keys or a password.
const MAX_TEXT: u64 = 64 << 10;

/// `personalize:` of the project file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Personal {
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

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct GivenPersonal {
    /// The name of the machine.
    pub hostname: Option<String>,
    /// Files with public keys that may log in over ssh.
    pub ssh_key: Vec<PathBuf>,
    /// A network that it joins.
    pub wifi: Option<String>,
    /// The file with its password; `SKIFF_WIFI_PASSWORD` holds it otherwise.
    pub wifi_password_file: Option<PathBuf>,
}

/// Why personal settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersonalError {
    /// The layout keeps nothing.
    #[error("the layout has no persistent partition")]
    NoPartition,
    /// A machine cannot have that name.
    #[error("`{0}` is not a host name")]
    Hostname(String),
    /// A file with keys has something else in it.
    #[error("`{}` does not contain a public ssh key", .0.shown())]
    NoKey(PathBuf),
    /// Nothing may change, and a key is new.
    #[error("`--locked` allows no change, and the key in `{}` is not in the overrides of the workspace", .0.shown())]
    Locked(PathBuf),
    /// A file cannot be written.
    #[error("cannot write `{}`: {problem}", path.shown())]
    Unwritable {
        /// Where it was to be.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// A variable that is to hold a password is not set.
    #[error("the variable {name} with the password of `{ssid}` is not set")]
    NoVariable {
        /// The variable.
        name: String,
        /// The network.
        ssid: String,
    },
    /// The project file says in two ways what a password is, or in none.
    #[error("network `{0}` takes one of password, password_file, password_env")]
    Passwords(String),
    /// The command line names a network without a password.
    #[error("no password for `{0}` was given")]
    NoPassword(String),
    /// Name or password are not as IEEE 802.11 has them.
    #[error("the name or password of the Wi-Fi network `{0}` is not valid")]
    Network(String),
    /// A file cannot be read.
    #[error("cannot read `{}`: {problem}", path.shown())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

/// Everything read: what goes onto the medium.
struct Own {
    hostname: Option<String>,
    keys: Vec<(String, String)>,
    wifi: Vec<(String, String)>,
}

/// Adds what the project file and the command line say to a plan.
pub fn personalize(session: &Session, given: &GivenPersonal, plan: &mut Plan) -> Result<()> {
    let own = Own::read(session, given)?;
    if own.hostname.is_none() && own.keys.is_empty() && own.wifi.is_empty() {
        return Ok(());
    }
    if !plan.add(false, own.persistent()) {
        return Err(PersonalError::NoPartition.into());
    }
    // Systems with cloud-init read these from the partition that every machine can read.
    plan.add(true, own.cloud());
    Ok(())
}

impl Own {
    fn read(session: &Session, given: &GivenPersonal) -> Result<Self> {
        let project = &session.project.personalize;
        let hostname = given.hostname.clone().or_else(|| project.hostname.clone());
        if let Some(name) = &hostname {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            if name.is_empty() || name.len() > 63 || name.starts_with('-') || !name.bytes().all(plain) {
                return Err(PersonalError::Hostname(name.clone()).into());
            }
        }
        let files = project.ssh_keys.iter().map(|path| session.project.absolute(path));
        let files = files.chain(given.ssh_key.iter().map(|path| session.console.environment.absolute(path)));
        let mut keys = Vec::new();
        for path in files {
            keys.push((stem(&path), public_keys(&path)?));
        }
        let mut wifi = Vec::new();
        for network in &project.wifi {
            let password = match (&network.password, &network.password_file, &network.password_env) {
                (Some(password), None, None) => password.clone(),
                (None, Some(file), None) => text_of(&session.project.absolute(file))?,
                (None, None, Some(name)) => session
                    .console
                    .environment
                    .get(name)
                    .map(str::to_owned)
                    .ok_or_else(|| PersonalError::NoVariable { name: name.clone(), ssid: network.ssid.clone() })?,
                _ => {
                    return Err(PersonalError::Passwords(network.ssid.clone()).into());
                }
            };
            wifi.push((network.ssid.clone(), password));
        }
        if let Some(ssid) = &given.wifi {
            let path = given.wifi_password_file.as_ref().map(|path| session.console.environment.absolute(path));
            let password = match &path {
                Some(path) => text_of(path)?,
                None => session
                    .console
                    .environment
                    .get("SKIFF_WIFI_PASSWORD")
                    .map(str::to_owned)
                    .ok_or_else(|| PersonalError::NoPassword(ssid.clone()))?,
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
                return Err(PersonalError::Network(ssid.clone()).into());
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
        for (name, (_, key)) in file_names(self.keys.iter().map(|(stem, _)| stem)).iter().zip(&self.keys) {
            items.push(Item::text(format!("skiff/keys/{name}.pub"), key.as_str()));
        }
        for (name, (ssid, password)) in file_names(self.wifi.iter().map(|(ssid, _)| ssid)).iter().zip(&self.wifi) {
            let text = format!(
                "[connection]\nid={0}\ntype=wifi\n\n[wifi]\nmode=infrastructure\nssid={0}\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk={1}\n\n\
                 [ipv4]\nmethod=auto\n\n[ipv6]\nmethod=auto\n",
                keyfile(ssid),
                keyfile(password)
            );
            // NetworkManager takes no connection that others can read.
            items.push(Item {
                kind: ItemKind::Text { bytes: text.into_bytes(), mode: 0o600 },
                ..Item::text(format!("skiff/connections/{name}.nmconnection"), "")
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

/// Reads a small text that the user or the project file names. Anything may be there: a pipe would wait for ever, and some
/// devices have no end.
fn text_of(path: &Path) -> Result<String, PersonalError> {
    let unreadable = |problem: &str| PersonalError::Unreadable { path: path.to_owned(), problem: problem.to_owned() };
    let bytes = skiff_layers::optional_bytes(path, MAX_TEXT).map_err(|error| match error {
        ReadError::Io { source, .. } => unreadable(&source.to_string()),
        ReadError::NotAFile { .. } => unreadable("expected a regular file"),
        ReadError::TooLarge { .. } => unreadable(&format!("expected at most {} KiB", MAX_TEXT >> 10)),
        other => unreadable(&other.to_string()),
    })?;
    let bytes = bytes.ok_or_else(|| unreadable("it does not exist"))?;
    String::from_utf8(bytes).map_err(|_| unreadable("expected UTF-8 text"))
}

/// A value in a key file of NetworkManager: `\` and `;` have a meaning there, and spaces at the start are left out (GLib's
/// `g_key_file_get_string`).
fn keyfile(text: &str) -> String {
    let rest = text.trim_start_matches(' ');
    let spaces = text.len() - rest.len();
    "\\s".repeat(spaces) + &rest.replace('\\', "\\\\").replace(';', "\\;")
}

/// The name of a file without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Names of files for texts; equal ones get a number.
fn file_names<'t>(texts: impl Iterator<Item = &'t String>) -> Vec<String> {
    let mut known = BTreeSet::new();
    let unique = |text: &String| {
        let name = plain_name(text);
        let mut candidates = std::iter::once(name.clone()).chain((2..).map(|number| format!("{name}-{number}")));
        candidates.find(|name| known.insert(name.clone())).unwrap_or(name)
    };
    texts.map(unique).collect()
}

/// A name for a file.
fn plain_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
    let name: String = text.chars().map(plain).collect();
    name.trim_start_matches('.').to_owned()
}

/// Puts files with public keys into the systems of the workspace: its own overrides hold them from now on.
///
/// # Errors
/// If a file has something else in it, or `--locked` allows no change.
pub fn keep_keys(session: &Session, files: &[PathBuf]) -> Result<()> {
    let folder = session.context.overrides.join("workspaces").join(session.workspace.name());
    let folder = folder.join("root_overlay/etc/skiff/authorized_keys");
    let stems: Vec<String> = files.iter().map(|file| stem(file)).collect();
    for (file, name) in files.iter().zip(file_names(stems.iter())) {
        let file = session.console.environment.absolute(file);
        let keys = public_keys(&file)?;
        let kept = folder.join(format!("{name}.pub"));
        let failed =
            |error: std::io::Error| PersonalError::Unwritable { path: kept.clone(), problem: error.to_string() };
        let known = skiff_file::read_optional(&kept, MAX_TEXT).map_err(failed)?;
        if known.is_some_and(|known| known == keys.as_bytes()) {
            continue;
        }
        if session.policy.locked {
            return Err(PersonalError::Locked(file).into());
        }
        std::fs::create_dir_all(&folder).and_then(|()| skiff_file::replace(&kept, keys.as_bytes())).map_err(failed)?;
        session.console.say(&format!("The systems of this workspace accept the ssh keys in {}", kept.shown()));
    }
    Ok(())
}

/// Reads a file with public keys. A private key that is named by mistake must not be found on a card or in an image: each line
/// is a public key.
fn public_keys(path: &Path) -> Result<String> {
    let text = text_of(path)?;
    let mut keys = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')).peekable();
    if keys.peek().is_none() || !keys.all(is_public_key) {
        return Err(PersonalError::NoKey(path.to_owned()).into());
    }
    Ok(format!("{}\n", text.trim_end()))
}

/// Whether a line is a public key as `authorized_keys` has it: options, a type, and the key in Base64, which names the type again
/// (RFC 4253, 6.6; sshd(8)).
fn is_public_key(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| !is_key_type(word));
    let (Some(kind), Some(key)) = (words.next(), words.next()) else { return false };
    // The length of the type, and the type.
    let named: Vec<u8> = [&u32::try_from(kind.len()).unwrap_or_default().to_be_bytes()[..], kind.as_bytes()].concat();
    BASE64.decode(key).is_ok_and(|decoded| decoded.starts_with(&named))
}

fn is_key_type(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-.@".contains(&byte);
    ["ssh-", "ecdsa-sha2-", "sk-"].iter().any(|start| word.starts_with(start)) && word.bytes().all(plain)
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_get_numbers() {
        let texts = ["id_rsa", "a b", "a_b", "id_rsa", "id_rsa-2"].map(str::to_owned);
        assert_eq!(file_names(texts.iter()), ["id_rsa", "a_b", "a_b-2", "id_rsa-2", "id_rsa-2-2"]);
    }

    #[test]
    fn names_and_passwords_cannot_leave_their_line() {
        // GLib's `g_key_file_get_string`: `\s` is a space, `\\` a backslash, `\;` a semicolon.
        assert_eq!(keyfile("  a b"), r"\s\sa b");
        assert_eq!(keyfile(r"a\nb;c"), r"a\\nb\;c");
        let own = Own {
            hostname: Some("boat".into()),
            keys: Vec::new(),
            wifi: vec![("a\": xb".into(), "pass;word: #".into())],
        };
        let cloud = own.cloud();
        let text = |name: &str| {
            let item = cloud.iter().find(|item| item.target == name).unwrap();
            let ItemKind::Text { bytes, .. } = &item.kind else { panic!("{item:?}") };
            String::from_utf8(bytes.clone()).unwrap()
        };
        let network: serde_json::Value = skiff_layers::bounded_yaml(&text("network-config")).unwrap();
        assert_eq!(network["wifis"]["wlan0"]["access-points"]["a\": xb"]["password"], "pass;word: #");
        assert_eq!(text("user-data"), "#cloud-config\nhostname: boat\n");
    }

    #[test]
    fn only_public_keys_are_public_keys() {
        let blob = |kind: &str| {
            let length = u32::try_from(kind.len()).unwrap().to_be_bytes();
            BASE64.encode([&length[..], kind.as_bytes(), &[0, 0, 0, 1, 7]].concat())
        };
        let key = |kind: &str| format!("{kind} {}", blob(kind));
        let nistp = key("ecdsa-sha2-nistp256");
        for line in [key("ssh-ed25519"), format!("{nistp} me@home"), format!("restrict,command=\"a b\" {nistp}")] {
            assert!(is_public_key(&line), "{line}");
        }
        for line in [
            "PuTTY-User-Key-File-3: ecdsa-sha2-nistp256".to_owned(),
            "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
            "Private-Lines: 1".to_owned(),
            "AAAAIQDx".to_owned(),
            "ssh-ed25519".to_owned(),
            "ssh-ed25519 AAAA".to_owned(),
            format!("ssh-rsa {}", blob("ssh-ed25519")),
            format!("{}#", key("ssh-rsa")),
        ] {
            assert!(!is_public_key(&line), "{line}");
        }
    }

    #[test]
    fn only_small_regular_files_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("key"), "ssh-ed25519 AAAA me").unwrap();
        std::fs::write(path("large"), vec![b'x'; 65537]).unwrap();
        std::fs::write(path("binary"), [0xff]).unwrap();
        std::os::unix::fs::symlink("key", path("link")).unwrap();
        std::os::unix::fs::symlink("pipe", path("link to a pipe")).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
        for good in ["key", "link"] {
            assert_eq!(text_of(&path(good)).unwrap(), "ssh-ed25519 AAAA me");
        }
        let paths = ["large", "binary", "pipe", "link to a pipe", "", "absent"].map(path);
        for bad in paths.iter().map(PathBuf::as_path).chain([Path::new("/dev/zero"), Path::new("/dev/tty")]) {
            assert!(text_of(bad).is_err(), "{}", bad.shown());
        }
    }
}
