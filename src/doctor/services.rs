//! Who else is asked: the speech provider, the mail server, the bucket.

use std::{process::Stdio, time::Duration};

use tokio::{net::TcpStream, process::Command, time::timeout};
use url::Url;

use crate::{
    config::Config,
    config_speech::{OPENAI, ProviderConfig},
    doctor::report::Report,
};

const PATIENCE: Duration = Duration::from_secs(5);
/// Nothing stands under this name; that it is answered so shows that the bucket is there.
const NO_NAME: &str = "doctor.none";

pub async fn check(config: &Config, report: &mut Report) {
    if config.media.s3.is_some() {
        bucket(config, report).await;
    }
    if let Some(speech) = &config.speech {
        match speech.provider {
            ProviderConfig::EspeakNg => {
                let program = speech.program.clone().unwrap_or_else(|| "espeak-ng".into());
                runs(&program.display().to_string(), report).await;
            }
            ProviderConfig::OpenAi => {
                let url = speech.url.clone().or_else(|| Url::parse(OPENAI).ok());
                if let Some(url) = url {
                    reachable("speech.url", &url, 443, report).await;
                }
            }
        }
    }
    if let Some(mail) = &config.mail
        && let Ok(url) = Url::parse(&mail.smtp_url)
    {
        // As the mailer takes them: RFC 8314, RFC 6409, RFC 5321.
        let port = match (url.scheme(), url.query_pairs().any(|(name, _)| name == "tls")) {
            ("smtps", _) => 465,
            (_, true) => 587,
            (_, false) => 25,
        };
        reachable("mail.smtp_url", &url, port, report).await;
    }
}

async fn bucket(config: &Config, report: &mut Report) {
    let advice = "see bucket, region, endpoint and the credentials in the environment";
    let media = match config.media() {
        Ok(media) => media,
        Err(error) => return report.fail("media.s3", error, advice),
    };
    match timeout(PATIENCE, media.blobs.fetch(NO_NAME)).await {
        Ok(Ok(_)) => report.ok("media.s3", "answers"),
        Ok(Err(error)) => report.fail("media.s3", error, advice),
        Err(_) => report.fail("media.s3", "does not answer", advice),
    }
}

async fn runs(program: &str, report: &mut Report) {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status().await {
        Ok(status) if status.success() => report.ok("speech.program", program),
        Ok(status) => report.fail("speech.program", format!("{program}: {status}"), "install it anew"),
        Err(error) => {
            report.fail("speech.program", format!("{program}: {error}"), "install the package espeak-ng")
        }
    }
}

/// Whether somebody listens there; the URL may hold a password and is not shown.
async fn reachable(what: &str, url: &Url, default: u16, report: &mut Report) {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(default));
    let place = format!("{host}:{port}");
    match timeout(PATIENCE, TcpStream::connect((host.trim_matches(['[', ']']), port))).await {
        Ok(Ok(_)) => report.ok(what, place),
        Ok(Err(error)) => report.fail(what, format!("{place}: {error}"), "see address, name and firewall"),
        Err(_) => report.fail(what, format!("{place} does not answer"), "see address, name and firewall"),
    }
}
