//! An HTTP client that goes nowhere it must not: every address is judged between the look-up of its name and the connection, and only
//! what was judged is connected to, so a name that answers otherwise a moment later wins nothing.

use std::{sync::Arc, time::Duration};

use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use ringfleet_core::net::Guard;
use url::Host;

/// Looks names up and keeps what the guard lets pass.
struct GuardedLookup(Arc<Guard>);

impl Resolve for GuardedLookup {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            match guard.passing(found) {
                Ok(passed) => Ok(Box::new(passed.into_iter()) as Addrs),
                Err(kind) => Err(format!("the host is {kind}, where no requests go").into()),
            }
        })
    }
}

/// How long an unused connection is kept: well below the minute after which load balancers close theirs, so that no request meets that moment.
const IDLE: Duration = Duration::from_secs(30);

/// A client for webhooks, and for providers of calls. It repeats nothing by itself: what is asked may be to call somebody.
///
/// `most`: requests under way at once. As many connections to one host are kept: endpoints often share one, and what is thrown away after a
/// burst would be opened again for the next one, with TLS.
///
/// # Errors
/// When TLS cannot be set up.
pub fn client(guard: Arc<Guard>, timeout: Duration, most: usize) -> reqwest::Result<Client> {
    Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(10)))
        .no_proxy() // nor where some variable of the environment says
        .redirect(Policy::none()) // a signed body goes where the customer said, nowhere else
        .dns_resolver(Arc::new(GuardedLookup(guard)))
        .pool_max_idle_per_host(most)
        .pool_idle_timeout(IDLE)
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
        .user_agent(concat!("Ringfleet/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Judges what no look-up would: the port, and a host that is an address already.
///
/// # Errors
/// What is wrong with it.
pub fn check(guard: &Guard, url: &Url) -> Result<(), String> {
    if let Some(port) = url.port_or_known_default() {
        guard.check_port(port).map_err(|problem| format!("port {port} {problem}"))?;
    }
    let ip = match url.host() {
        Some(Host::Ipv4(ip)) => ip.into(),
        Some(Host::Ipv6(ip)) => ip.into(),
        Some(Host::Domain(_)) => return Ok(()),
        None => return Err("the URL names no host".into()),
    };
    guard.check(ip).map_err(|kind| format!("{ip} is {kind}, where no requests go"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(url: &str) -> Result<(), String> {
        check(&Guard::default(), &url.parse().unwrap())
    }

    #[test]
    fn an_address_in_a_url_is_judged_however_it_is_written() {
        for bad in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://169.254.169.254/latest/meta-data",
            "http://1.1.1.1:6379/",
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
        assert_eq!(checked("https://1.1.1.1/hook"), Ok(()));
        assert_eq!(
            checked("https://example.com/hook"),
            Ok(()),
            "its addresses are judged when they are known"
        );
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_refused_between_look_up_and_connection() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}/", server.local_addr().unwrap().port());
        let refused =
            client(Arc::default(), Duration::from_secs(5), 8).unwrap().get(&url).send().await.unwrap_err();
        assert!(format!("{refused:?}").contains("where no requests go"), "{refused:?}");
        let allowed = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
        let client = client(Arc::new(allowed), Duration::from_secs(5), 8).unwrap();
        let request = tokio::spawn(client.get(&url).send());
        server.accept().await.unwrap(); // it is connected to
        request.abort();
    }
}
