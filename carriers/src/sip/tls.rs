//! TLS of a SIP trunk (RFC 3261 §26.3.1): who the peer is gets verified, always. A PBX whose certificate no public authority
//! has signed is trusted by giving the trunk the certificate of its own.

use std::{io, net::SocketAddr, sync::Arc};

use ringfleet_core::trunk::SipTrunk;
use rustls::{
    CertificateError, ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::{net::TcpStream, sync::OnceCell};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// What a trunk asks of the certificate of its peer.
pub(super) struct Tls {
    /// The name it must have: that of the trunk, never one that a look-up of it has led to (RFC 5922 §7.1, RFC 3263 §4.1).
    name: String,
    /// PEM of those that may vouch for it; `None`: those the system trusts.
    authorities: Option<String>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Tls {
    pub(super) fn new(trunk: &SipTrunk) -> Self {
        let name = trunk.tls_server_name.as_ref().unwrap_or(&trunk.host);
        Self {
            name: name.trim_matches(['[', ']']).trim_end_matches('.').to_owned(),
            authorities: trunk.ca_certificate.clone(),
            config: OnceCell::new(),
        }
    }

    /// Makes `tcp` a connection to the peer that the trunk means.
    ///
    /// # Errors
    /// In words for whoever runs the trunk: what is wrong with the certificate and what helps.
    pub(super) async fn wrap(&self, tcp: TcpStream, peer: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(self.name.clone())
            .map_err(|_| io::Error::other(format!("{:?} is no name a certificate can have", self.name)))?;
        let config = self.config.get_or_try_init(async || self.build().map(Arc::new)).await?;
        let connecting = TlsConnector::from(config.clone()).connect(name, tcp);
        connecting.await.map_err(|error| self.explain(&error, peer))
    }

    fn build(&self) -> io::Result<ClientConfig> {
        let unusable = |error| io::Error::other(format!("TLS cannot be set up: {error}"));
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match &self.authorities {
            Some(pem) => builder.with_root_certificates(roots(pem).map_err(io::Error::other)?),
            None => builder.with_platform_verifier().map_err(unusable)?,
        };
        Ok(builder.with_no_client_auth())
    }

    fn explain(&self, error: &io::Error, peer: SocketAddr) -> io::Error {
        let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let advice = match fault {
            Some(rustls::Error::InvalidCertificate(fault)) => match fault {
                // The signature is wrong where another authority has the same name.
                CertificateError::UnknownIssuer | CertificateError::BadSignature
                    if self.authorities.is_some() =>
                {
                    "; it is not signed by the trunk's caCertificate"
                }
                CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                    "; if the peer has a certificate authority of its own, give that as the trunk's caCertificate"
                }
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                    "; if the peer's certificate has another name, give that as the trunk's tlsServerName"
                }
                CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                    "; the peer has to renew it"
                }
                _ => "",
            },
            Some(_) => "",
            None => "; perhaps the peer speaks no TLS on this port",
        };
        let name = &self.name;
        io::Error::new(
            error.kind(),
            format!("TLS with {peer}, which is to be {name}, failed: {error}{advice}"),
        )
    }
}

/// Whether a trunk's `caCertificate` can be used.
///
/// # Errors
/// What is wrong with it.
pub fn check_certificates(pem: &str) -> Result<(), String> {
    roots(pem).map(|_| ())
}

fn roots(pem: &str) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("is no readable PEM: {error:?}"))?;
        roots
            .add(certificate)
            .map_err(|error| format!("holds a certificate that cannot be used: {error}"))?;
    }
    match roots.is_empty() {
        true => Err("holds no certificate; give PEM that begins with -----BEGIN CERTIFICATE-----".into()),
        false => Ok(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_before_they_are_needed() {
        let made = rcgen::generate_simple_self_signed(["pbx.example".to_owned()]).unwrap();
        let pem = made.cert.pem();
        assert_eq!(check_certificates(&pem), Ok(()));
        assert_eq!(
            check_certificates(&format!("Ours:\n{pem}\n{pem}")),
            Ok(()),
            "words between them, and several"
        );
        assert!(check_certificates("").unwrap_err().contains("BEGIN CERTIFICATE"));
        assert!(
            check_certificates(&made.signing_key.serialize_pem())
                .unwrap_err()
                .contains("holds no certificate")
        );
        assert!(check_certificates(&pem.replace("-----END", "?----END")).is_err());
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(check_certificates(broken).unwrap_err().contains("cannot be used"));
    }

    #[test]
    fn the_name_is_the_trunks() {
        let named = |trunk: serde_json::Value| Tls::new(&serde_json::from_value(trunk).unwrap()).name;
        assert_eq!(named(serde_json::json!({"host": "sip.example.com."})), "sip.example.com");
        assert_eq!(named(serde_json::json!({"host": "[2001:db8::1]"})), "2001:db8::1");
        assert_eq!(
            named(serde_json::json!({"host": "192.0.2.1", "tlsServerName": "pbx.example"})),
            "pbx.example"
        );
    }

    /// What the log says of a peer with this certificate, to a trunk at `host` that trusts `authorities`.
    async fn refusal(made: &rcgen::CertifiedKey<rcgen::KeyPair>, host: &str, authorities: &str) -> String {
        let key = made.signing_key.serialize_der();
        let server = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.try_into().unwrap())
            .unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        let trunk = serde_json::json!({"host": host, "caCertificate": authorities});
        let tls = Tls::new(&serde_json::from_value(trunk).unwrap());
        let serving = async {
            let (tcp, _) = listener.accept().await.unwrap();
            let _ = tokio_rustls::TlsAcceptor::from(Arc::new(server)).accept(tcp).await;
        };
        let connecting = async { tls.wrap(TcpStream::connect(peer).await.unwrap(), peer).await };
        let ((), outcome) = tokio::join!(serving, connecting);
        outcome.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[tokio::test]
    async fn the_log_says_what_is_wrong_and_what_helps() {
        let made = |name: &str| rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        let (pbx, other) = (made("pbx.example"), made("pbx.example"));
        let unknown = refusal(&pbx, "pbx.example", &other.cert.pem()).await;
        assert!(
            unknown.contains("which is to be pbx.example") && unknown.contains("caCertificate"),
            "{unknown}"
        );
        let misnamed = refusal(&pbx, "sip.example.com", &pbx.cert.pem()).await;
        assert!(misnamed.contains("sip.example.com") && misnamed.contains("tlsServerName"), "{misnamed}");
        assert_eq!(refusal(&pbx, "pbx.example", &pbx.cert.pem()).await, "");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = listener.local_addr().unwrap();
        tokio::spawn(async move { drop(listener.accept().await) });
        let tls = Tls::new(&serde_json::from_value(serde_json::json!({"host": "pbx.example"})).unwrap());
        let plain = tls.wrap(TcpStream::connect(peer).await.unwrap(), peer).await.err().unwrap().to_string();
        assert!(plain.contains("speaks no TLS"), "{plain}");
    }
}
