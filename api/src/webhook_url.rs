//! Where a webhook may lie: what is wrong with a URL is said when it is set, and looked at again at every request.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::Duration,
};

use ringfleet_core::{SipAddress, net::Guard};
use url::{Host, Url};

use crate::error::{ApiError, Result};

/// Longest URL, in characters.
const URL_LIMIT: usize = 2000;
/// How long a name may take to be looked up; one that takes longer is judged when something is sent.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether webhooks may go to this URL: its form, its port, and where its host is as far as that is known now.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn check(text: &str, guard: &Guard) -> Result<()> {
    judged("url", text, guard).await.map(drop)
}

/// The same where requests have to be encrypted: `http` goes only to addresses inside that the operator allows.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn check_encrypted(text: &str, guard: &Guard) -> Result<()> {
    encrypted("url", text, guard).await.map(drop)
}

/// The same for what other URLs of a provider are made from.
///
/// # Errors
/// What is wrong with it, as the problem of this field.
pub(crate) async fn check_base(field: &str, text: &str, guard: &Guard) -> Result<()> {
    match encrypted(field, text, guard).await?.query() {
        Some(_) => Err(ApiError::invalid(field, "must not hold a query (?…)")),
        None => Ok(()),
    }
}

async fn encrypted(field: &str, text: &str, guard: &Guard) -> Result<Url> {
    let (url, addresses) = judged(field, text, guard).await?;
    let public = |ip: &IpAddr| Guard::default().check(*ip).is_ok();
    match url.scheme() == "http" && (addresses.is_empty() || addresses.iter().any(public)) {
        true => Err(ApiError::invalid(field, "must begin with https://")),
        false => Ok(url),
    }
}

/// Whether a call may be handed over to this WebSocket: the same, with `wss://`, and `ws://` inside.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn check_agent(text: &str, guard: &Guard) -> Result<()> {
    const FIELD: &str = "connect.url";
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_plain = scheme.as_deref() == Some("ws");
    if !is_plain && scheme.as_deref() != Some("wss") {
        return Err(ApiError::invalid(FIELD, "must begin with wss://"));
    }
    // A WebSocket's URL is one of HTTP in all but its scheme (RFC 6455 §3).
    let (_, addresses) = judged(FIELD, &format!("http{}", &text[2..]), guard).await?;
    let all_inside = !addresses.is_empty() && addresses.iter().all(|ip| guard.allows_plain(*ip));
    match is_plain && !all_inside {
        true => Err(ApiError::invalid(FIELD, "must begin with wss://")),
        false => Ok(()),
    }
}

/// Whether a call may be handed over to this telephone: its form, its port, and where its host is as far as that is known now.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn check_telephone(field: &str, text: &str, guard: &Guard) -> Result<()> {
    if text.chars().count() > URL_LIMIT {
        return Err(ApiError::invalid(field, "must be at most 2000 characters"));
    }
    let telephone: SipAddress = text.parse().map_err(|problem| ApiError::invalid(field, problem))?;
    if let Some(port) = telephone.port() {
        let port_fits = guard.check_port(port);
        port_fits.map_err(|problem| ApiError::invalid(field, format!("port {port} {problem}")))?;
    }
    let host = match telephone.ip() {
        Some(IpAddr::V6(ip)) => format!("[{ip}]"),
        _ => telephone.host().to_owned(),
    };
    let url = Url::parse(&format!("http://{host}/"))
        .map_err(|_| ApiError::invalid(field, "must name a host, which is a name or an address"))?;
    all_pass(field, &addresses(&url).await, guard)
}

/// The URL, and the addresses of its host as far as they are known now.
async fn judged(field: &str, text: &str, guard: &Guard) -> Result<(Url, Vec<IpAddr>)> {
    let url = parse(text).map_err(|problem| ApiError::invalid(field, problem))?;
    if let Some(port) = url.port_or_known_default() {
        let port_fits = guard.check_port(port);
        port_fits.map_err(|problem| ApiError::invalid(field, format!("port {port} {problem}")))?;
    }
    let addresses = addresses(&url).await;
    all_pass(field, &addresses, guard)?;
    Ok((url, addresses))
}

fn all_pass(field: &str, addresses: &[IpAddr], guard: &Guard) -> Result<()> {
    for ip in addresses {
        guard.check(*ip).map_err(|kind| {
            let problem =
                "requests go to public addresses only; the operator can allow others with webhooks.allow";
            ApiError::invalid(field, format!("the host is {kind} ({ip}): {problem}"))
        })?;
    }
    Ok(())
}

/// Whether mail may go to this host, a name or an address: where it is, as far as that is known now. In the clear it goes only to addresses
/// inside that the operator allows.
///
/// # Errors
/// What is wrong with it.
pub(crate) async fn check_mail_host(host: &str, in_the_clear: bool, guard: &Guard) -> Result<()> {
    let host = if host.parse::<Ipv6Addr>().is_ok() { format!("[{host}]") } else { host.to_owned() };
    let url = Url::parse(&format!("https://{host}/"))
        .map_err(|problem| ApiError::invalid("host", problem.to_string()))?;
    let addresses = addresses(&url).await;
    all_pass("host", &addresses, guard)?;
    let all_inside = !addresses.is_empty() && addresses.iter().all(|ip| guard.allows_plain(*ip));
    match in_the_clear && !all_inside {
        true => {
            let problem = "must be starttls or tls: in the clear mail goes only to addresses inside that the operator allows with webhooks.allow";
            Err(ApiError::invalid("security", problem))
        }
        false => Ok(()),
    }
}

/// The addresses of its host; none where nobody knows them yet.
async fn addresses(url: &Url) -> Vec<IpAddr> {
    let name = match url.host() {
        Some(Host::Ipv4(ip)) => return vec![ip.into()],
        Some(Host::Ipv6(ip)) => return vec![ip.into()],
        Some(Host::Domain(name)) => name,
        None => return Vec::new(),
    };
    match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name, 0))).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}

/// The URL parser forgives much; what is kept and sent to must be what was meant.
fn parse(text: &str) -> std::result::Result<Url, &'static str> {
    if text.chars().count() > URL_LIMIT {
        return Err("must be at most 2000 characters");
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err("must not hold spaces, control characters or backslashes");
    }
    let url = Url::parse(text).map_err(|_| "must be a whole URL like https://example.com/hook")?;
    let after_scheme = text.split_once(':').map_or("", |(_, rest)| rest);
    if !matches!(url.scheme(), "http" | "https") || !after_scheme.starts_with("//") {
        return Err("must begin with http:// or https://");
    }
    if after_scheme.starts_with("///") || url.host_str().is_none_or(str::is_empty) || url.port() == Some(0) {
        return Err("must name a host, and a port that is not 0");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or a password");
    }
    if url.fragment().is_some() {
        return Err("must not hold a fragment (#…)");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_plain_http_urls_pass() {
        for good in [
            "https://example.com/hook?a=1",
            "http://127.0.0.1:8080",
            "http://[::1]:9/x",
            "HTTPS://EXAMPLE.com",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "example.com/hook",
            "ftp://example.com",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https:example.com",
            "https:///example.com",
            "http://",
            "http://user@example.com",
            "http://:pw@example.com",
            "http://example.com/#a",
            "http://example.com/a b",
            "http:\\\\example.com",
            "http://example.com:0/",
            "http://example.com:99999/",
            "http://exa\tmple.com",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(parse(&format!("http://h/{}", "x".repeat(2000))).is_err());
    }

    #[tokio::test]
    async fn an_address_inside_is_refused_with_the_setting_that_allows_it() {
        for bad in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/",
            "http://localhost:8080/",
        ] {
            let refused = format!("{:?}", check(bad, &Guard::default()).await.unwrap_err());
            assert!(refused.contains("webhooks.allow"), "{bad}: {refused}");
        }
        let allowed = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
        assert!(check("http://127.0.0.1/", &allowed).await.is_ok());
        assert!(check("http://1.1.1.1:6379/", &Guard::default()).await.is_err());
    }

    #[tokio::test]
    async fn an_agent_is_reached_encrypted_or_inside() {
        let allowed = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap(), "1.1.1.0/24".parse().unwrap()]);
        for good in
            ["wss://1.1.1.1/talk?x=1", "WSS://nowhere.invalid", "ws://127.0.0.1:8080/", "wss://127.0.0.1/"]
        {
            assert!(check_agent(good, &allowed).await.is_ok(), "{good}");
        }
        for bad in [
            "",
            "wss",
            "ws",
            "https://1.1.1.1/",
            "wss:1.1.1.1",
            "wss:///x",
            "ws://1.1.1.1/",
            "ws://nowhere.invalid/",
            "wss://10.0.0.1/",
            "wss://1.1.1.1:6379/",
            "wss://me:secret@1.1.1.1/",
            "wss://1.1.1.1/#a",
        ] {
            let refused = format!("{:?}", check_agent(bad, &allowed).await.unwrap_err());
            assert!(refused.contains("connect.url"), "{bad}: {refused}");
        }
    }

    #[tokio::test]
    async fn a_telephone_is_where_requests_may_go() {
        let allowed = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
        for good in
            ["sip:desk@1.1.1.1", "sip:1@127.0.0.1:5070", "sip:a@nowhere.invalid", "sip:a@[2606:4700::1]"]
        {
            assert!(check_telephone("connect.url", good, &allowed).await.is_ok(), "{good}");
        }
        for bad in ["wss://1.1.1.1", "sips:a@1.1.1.1", "sip:a@10.0.0.1", "sip:a@1.1.1.1:53", "sip:a@[::1]"] {
            let refused = format!("{:?}", check_telephone("connect.url", bad, &allowed).await.unwrap_err());
            assert!(refused.contains("connect.url"), "{bad}: {refused}");
        }
    }

    #[tokio::test]
    async fn what_has_to_be_encrypted_is_so_outside() {
        let allowed = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap(), "1.1.1.0/24".parse().unwrap()]);
        for good in ["https://1.1.1.1/", "http://127.0.0.1:8080/", "https://127.0.0.1/"] {
            assert!(check_encrypted(good, &allowed).await.is_ok(), "{good}");
        }
        for bad in ["http://1.1.1.1/", "http://10.0.0.1/", "http://nowhere.invalid/", "https://10.0.0.1/"] {
            assert!(check_encrypted(bad, &allowed).await.is_err(), "{bad}");
        }
    }
}
