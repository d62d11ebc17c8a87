//! Downloading files whose digests are known.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sha2::Digest as _;
use skiff_digest::Digest;
use skiff_file::NewFile;
use skiff_layers::Address;
use ureq::http::Uri;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::resolver::ResolvedSocketAddrs;
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::unversioned::transport::NextTimeout;

/// Bytes that a download may have.
const MAX_SIZE: u64 = 4 << 30;

/// The longest that a server may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// The longest that a download may take.
const TOTAL: Duration = Duration::from_secs(3600);

/// Addresses that lead to another one in turn.
const MAX_REDIRECTS: usize = 10;

/// Where downloads come from and are kept.
#[derive(Debug, Clone, Default)]
pub struct Downloads {
    /// The directory with what was downloaded before, by digest.
    pub folder: PathBuf,
    /// Whether the network may not be used.
    pub offline: bool,
    /// The user's proxy.
    pub proxy: Option<String>,
    /// The hosts that are asked without it: names, `*.name` or `.name`, with commas between.
    pub no_proxy: Option<String>,
}

/// Why something was not downloaded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DownloadError {
    #[error("{0}")]
    Refused(String),
    #[error("not in the cache, and --offline forbids the network")]
    Offline,
    #[error("its SHA-256 is {present}, not {wanted}")]
    Differs { wanted: Digest, present: Digest },
    #[error("the server answers with {0}")]
    Status(u16),
    #[error("it has more than {} GiB", MAX_SIZE >> 30)]
    TooLarge,
    #[error("cancelled")]
    Cancelled,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl From<ureq::Error> for DownloadError {
    fn from(error: ureq::Error) -> Self {
        match error {
            ureq::Error::Io(error) => Self::Io(error),
            other => Self::Io(io::Error::other(other)),
        }
    }
}

impl Downloads {
    /// Downloads the file with the wanted digest from an address that a manifest allows, and keeps it.
    pub(crate) fn get(
        &self,
        url: &str,
        wanted: Digest,
        address: &Address,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<File, DownloadError> {
        if self.offline {
            return Err(DownloadError::Offline);
        }
        let mut new = NewFile::of(&self.folder.join(wanted.to_string()))?;
        let present = self.receive(url, address, new.file(), cancelled)?;
        if present != wanted {
            return Err(DownloadError::Differs { wanted, present });
        }
        let mut file = new.publish()?;
        file.rewind()?;
        Ok(file)
    }

    /// Opens what was downloaded before. What has changed since is removed.
    pub(crate) fn known(&self, wanted: Digest) -> io::Result<Option<File>> {
        let kept = self.folder.join(wanted.to_string());
        let mut file = match File::open(&kept) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        if Digest::of_reader(&mut file)? == wanted {
            file.rewind()?;
            return Ok(Some(file));
        }
        fs::remove_file(kept)?;
        Ok(None)
    }

    fn receive(
        &self,
        url: &str,
        address: &Address,
        file: &mut File,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<Digest, DownloadError> {
        let mut body = self.request(url, address)?;
        let mut hasher = sha2::Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        let mut total = 0;
        loop {
            if cancelled() {
                return Err(DownloadError::Cancelled);
            }
            let count = body.read(&mut buffer)?;
            if count == 0 {
                return Ok(Digest::from_bytes(hasher.finalize().into()));
            }
            total += count as u64;
            if total > MAX_SIZE {
                return Err(DownloadError::TooLarge);
            }
            let bytes = buffer.get(..count).unwrap_or_default();
            hasher.update(bytes);
            file.write_all(bytes)?;
        }
    }

    /// Asks for an address, following where it leads as long as that is a public place and no less protected.
    fn request(&self, url: &str, address: &Address) -> Result<impl Read + use<>, DownloadError> {
        let mut url = url.to_owned();
        for _ in 0..MAX_REDIRECTS {
            let uri: Uri = url.parse().map_err(|_| DownloadError::Refused(format!("`{url}` is not a URL")))?;
            let protected = match uri.scheme_str() {
                Some("https") => true,
                Some("http") => address.url.starts_with("http://"),
                _ => false,
            };
            if !protected {
                return Err(DownloadError::Refused(format!("it leads to `{url}`, which is not protected by https")));
            }
            let response = self.agent(&uri, address)?.get(&url).call()?;
            let status = response.status();
            if status.is_success() {
                return Ok(response.into_body().into_reader());
            }
            let location = response.headers().get("location").and_then(|location| location.to_str().ok());
            let Some(location) = location.filter(|_| status.is_redirection()) else {
                return Err(DownloadError::Status(status.as_u16()));
            };
            let next = url::Url::parse(&url).and_then(|from| from.join(location));
            url = next.map_err(|error| DownloadError::Refused(format!("it leads to `{location}`: {error}")))?.into();
        }
        Err(DownloadError::Refused(format!("it leads on more than {MAX_REDIRECTS} times")))
    }

    fn agent(&self, uri: &Uri, address: &Address) -> Result<ureq::Agent, DownloadError> {
        let proxy = self.proxy()?.filter(|proxy| !proxy.is_no_proxy(uri));
        let config = ureq::Agent::config_builder()
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(TOTAL))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .timeout_connect(Some(SILENCE))
            .user_agent("skiff")
            .proxy(proxy.clone())
            .build();
        // A name of the public network may lead anywhere at any time; who grants an address of the local one, by its number
        // or a name of it, has meant it.
        let granted: Option<Uri> = address.url.parse().ok();
        let same = granted.is_some_and(|granted| (granted.host(), granted.port_u16()) == (uri.host(), uri.port_u16()));
        let any = same && uri.host().is_some_and(is_local_name);
        let proxy = proxy.map(|proxy| proxy.host().to_owned());
        if let Some(Ok(ip)) = uri.host().map(|host| host.trim_matches(['[', ']']).parse::<IpAddr>())
            && !any
            && !is_public(&SocketAddr::new(ip, 0))
        {
            return Err(DownloadError::Io(io::Error::other(LOCAL)));
        }
        Ok(ureq::Agent::with_parts(config, DefaultConnector::new(), Public { any, proxy }))
    }

    fn proxy(&self) -> Result<Option<ureq::Proxy>, DownloadError> {
        let Some(proxy) = self.proxy.as_deref().map(ureq::Proxy::new).transpose()? else { return Ok(None) };
        if !matches!(proxy.protocol(), ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https) {
            let message = format!("`{}` is not an HTTP proxy", proxy.uri());
            return Err(DownloadError::Refused(message));
        }
        let mut builder = ureq::Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
        if let Some(name) = proxy.username() {
            builder = builder.username(name);
        }
        if let Some(password) = proxy.password() {
            builder = builder.password(password);
        }
        let direct = self.no_proxy.iter().flat_map(|hosts| hosts.split(',')).map(str::trim);
        Ok(Some(direct.filter(|host| !host.is_empty()).fold(builder, |builder, host| builder.no_proxy(host)).build()?))
    }
}

/// Looks names up, and gives no addresses of this machine and its neighbours: nobody has agreed that a plugin may talk to
/// those. The addresses given are the ones connected to, so that a name cannot lead elsewhere a moment later.
#[derive(Debug)]
struct Public {
    any: bool,
    /// The host of the user's proxy. Behind one, it is the proxy that looks up where names lead.
    proxy: Option<String>,
}

/// What is said of an address that nobody has agreed to.
const LOCAL: &str = "it leads to an address of the local network";

/// Returns whether a host is named in a way that only this machine or its network understands.
fn is_local_name(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || !host.contains('.')
}

impl Resolver for Public {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        let mut public = self.empty();
        let any = self.any || self.proxy.as_deref().is_some_and(|proxy| uri.host() == Some(proxy));
        for socket in found.iter().filter(|socket| any || is_public(socket)) {
            public.push(*socket);
        }
        match public.is_empty() {
            true => Err(ureq::Error::Io(io::Error::other(LOCAL))),
            false => Ok(public),
        }
    }
}

fn is_public(socket: &SocketAddr) -> bool {
    match socket.ip().to_canonical() {
        IpAddr::V4(ip) => {
            let [a, b, ..] = ip.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let reserved = a == 0 || a >= 224 || (a == 192 && b == 0) || (a == 198 && (18..20).contains(&b));
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || shared || reserved)
        }
        IpAddr::V6(ip) => {
            let [first, ..] = ip.segments();
            // 2000::/3 is what is given out to the public; 2002::/16 and 2001:0::/32 wrap addresses of version 4.
            (0x2000..0x4000).contains(&first) && first != 0x2002 && ip.segments().get(..2) != Some(&[0x2001, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::Mutex;
    use std::thread;

    use super::*;

    /// Answers each request for a path with the answer for it.
    fn server(answers: &'static [(&'static str, &'static str)]) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap();
                let request = String::from_utf8_lossy(&request[..length]).into_owned();
                let path = request.split(' ').nth(1).unwrap().to_owned();
                let answer = answers.iter().find(|(at, _)| *at == path).map_or("HTTP/1.1 404 No\r\n\r\n", |(_, a)| a);
                stream.write_all(answer.as_bytes()).unwrap();
                seen.lock().unwrap().push(request);
            }
        });
        (base, asked)
    }

    fn get(downloads: &Downloads, base: &str, path: &str, wanted: Digest) -> Result<String, DownloadError> {
        let address = Address { url: base.to_owned(), why: "test".parse().unwrap() };
        let mut file = match downloads.known(wanted)? {
            Some(file) => file,
            None => downloads.get(&format!("{base}{path}"), wanted, &address, &|| false)?,
        };
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    }

    #[test]
    fn a_file_is_downloaded_once_and_only_with_its_digest() {
        let (base, asked) = server(&[
            ("/f", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
            ("/r", "HTTP/1.1 302 Found\r\nLocation: /f\r\nContent-Length: 0\r\n\r\n"),
            ("/loop", "HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"),
            ("/short", "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"),
        ]);
        let root = tempfile::tempdir().unwrap();
        let downloads = Downloads { folder: root.path().join("fetch"), ..Downloads::default() };
        let (hello, other) = (Digest::of(b"hello"), Digest::of(b"other"));
        let said = get(&downloads, &base, "f", other).unwrap_err().to_string();
        assert_eq!(said, format!("its SHA-256 is {hello}, not {other}"));
        assert_eq!(get(&downloads, &base, "r", hello).unwrap(), "hello");
        let before = asked.lock().unwrap().len();
        assert_eq!(get(&downloads, &base, "f", hello).unwrap(), "hello");
        assert_eq!(asked.lock().unwrap().len(), before, "the second time it comes from the cache");
        assert!(asked.lock().unwrap().iter().all(|request| !request.to_lowercase().contains("authorization")));
        fs::write(root.path().join("fetch").join(hello.to_string()), "changed").unwrap();
        assert_eq!(get(&downloads, &base, "f", hello).unwrap(), "hello");
        assert!(matches!(get(&downloads, &base, "none", other), Err(DownloadError::Status(404))));
        assert!(matches!(get(&downloads, &base, "loop", other), Err(DownloadError::Refused(_))));
        assert!(get(&downloads, &base, "short", other).is_err());
        let offline = Downloads { offline: true, ..downloads };
        assert!(matches!(get(&offline, &base, "f", other), Err(DownloadError::Offline)));
        assert_eq!(get(&offline, &base, "f", hello).unwrap(), "hello");
        assert_eq!(fs::read_dir(root.path().join("fetch")).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn nothing_leads_to_the_local_network_or_away_from_https() {
        let (base, asked) = server(&[("/f", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]);
        let port = base.trim_end_matches('/').rsplit_once(':').unwrap().1;
        let downloads = Downloads { folder: tempfile::tempdir().unwrap().path().to_owned(), ..Downloads::default() };
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"] {
            let address = Address { url: "http://example.org/".into(), why: "test".parse().unwrap() };
            let url = format!("http://{host}:{port}/f");
            let refused = downloads.get(&url, Digest::of(b"hello"), &address, &|| false);
            assert!(refused.unwrap_err().to_string().contains("local network"), "{host}");
        }
        let address = Address { url: "https://example.org/".into(), why: "test".parse().unwrap() };
        let refused = downloads.get(&format!("{base}f"), Digest::of(b"hello"), &address, &|| false).unwrap_err();
        assert!(refused.to_string().contains("not protected by https"), "{refused}");
        assert!(asked.lock().unwrap().is_empty());
        for local in ["169.254.169.254", "10.1.2.3", "100.64.0.1", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1"] {
            assert!(!is_public(&SocketAddr::new(local.parse().unwrap(), 80)), "{local}");
        }
        assert!(is_public(&"93.184.216.34:443".parse().unwrap()));
    }
}
