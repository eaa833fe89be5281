//! A mail server (RFC 5321) on a free port of 127.0.0.1: keeps every mail, and refuses by the address. Written apart from the carrier, so that
//! each tests the other.
//!
//! The name before the `@` decides by its end: see [`Rule`].

use std::{
    collections::HashSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// What happens to a mail for a name that ends so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// `…bounce`: 550 5.1.1.
    Bounce,
    /// `…grey`: 451 once for each address.
    Grey,
    /// `…full`: 452 4.2.2.
    Full,
    /// `…relay`: 554 5.7.1.
    Relay,
    /// `…busy`: 421, and the connection is closed.
    Busy,
    /// `…spam`: taken back with 554 5.6.0 after the final dot.
    Spam,
    /// `…cut`: the connection is closed when the mail is about to come.
    Cut,
    /// `…lost`: kept, and the connection is closed without an answer to the final dot.
    Lost,
    Fine,
}

impl Rule {
    fn of(address: &str) -> Self {
        let name = address.split('@').next().unwrap_or_default();
        let all = [
            ("bounce", Self::Bounce),
            ("grey", Self::Grey),
            ("full", Self::Full),
            ("relay", Self::Relay),
            ("busy", Self::Busy),
            ("spam", Self::Spam),
            ("cut", Self::Cut),
            ("lost", Self::Lost),
        ];
        all.into_iter().find(|(end, _)| name.ends_with(end)).map_or(Self::Fine, |(_, rule)| rule)
    }
}

/// A mail it has kept.
#[derive(Debug, Clone)]
pub struct Kept {
    pub from: String,
    pub to: String,
    /// As it came, without the stuffed dots.
    pub text: String,
    /// By which of the connections, from 0.
    pub connection: usize,
    /// Whether that was encrypted.
    pub encrypted: bool,
}

impl Kept {
    /// The value of a header that stands in one line.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\r\n\r\n").next()?;
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// How it behaves.
#[derive(Clone, Default)]
pub struct House {
    /// The user name and password it wants.
    pub login: Option<(&'static str, &'static str)>,
    /// Its certificate.
    pub tls: Option<Arc<ServerConfig>>,
    /// It is spoken to encrypted from the first byte; otherwise it offers STARTTLS, if it has a certificate.
    pub tls_at_once: bool,
}

#[derive(Default)]
struct Book {
    mails: Vec<Kept>,
    greyed: HashSet<String>,
}

#[derive(Clone)]
struct Desk {
    house: House,
    book: Arc<Mutex<Book>>,
    connections: Arc<AtomicUsize>,
    closes_after_mail: Arc<AtomicBool>,
}

/// The server; it stops with this value.
pub struct MailServer {
    addr: SocketAddr,
    desk: Desk,
    server: JoinHandle<()>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl MailServer {
    pub async fn start() -> Self {
        Self::with(House::default()).await
    }

    pub async fn with(house: House) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let addr = listener.local_addr().expect("a bound socket has an address");
        let desk = Desk {
            house,
            book: Arc::default(),
            connections: Arc::default(),
            closes_after_mail: Arc::default(),
        };
        let taking = desk.clone();
        let server = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let number = taking.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(taking.clone().speak(socket, number));
            }
        });
        Self { addr, desk, server }
    }

    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// Every mail it has kept, the oldest first.
    pub fn mails(&self) -> Vec<Kept> {
        self.desk.book().mails.clone()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.desk.connections.load(Ordering::SeqCst)
    }

    /// Closes a connection from now on as soon as it has answered to a mail.
    pub fn close_after_each(&self) {
        self.desk.closes_after_mail.store(true, Ordering::SeqCst);
    }
}

trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// One conversation.
struct Talk {
    wire: BufReader<Box<dyn Wire>>,
    number: usize,
    encrypted: bool,
    let_in: bool,
    from: String,
    to: String,
}

/// What comes after a line.
enum Then {
    GoOn,
    Encrypt,
    Close,
}

impl Desk {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn speak(self, socket: tokio::net::TcpStream, number: usize) {
        let mut wire: Box<dyn Wire> = Box::new(socket);
        let encrypted = self.house.tls_at_once;
        if encrypted {
            let Some(inside) = self.encrypt(wire).await else { return };
            wire = inside;
        }
        let let_in = self.house.login.is_none();
        let wire = BufReader::new(wire);
        let mut talk = Talk { wire, number, encrypted, let_in, from: String::new(), to: String::new() };
        talk.say("220 mail.example.com ESMTP").await;
        while let Some(line) = talk.line().await {
            match self.answer(&mut talk, &line).await {
                Then::GoOn => {}
                Then::Close => return,
                Then::Encrypt => {
                    let Some(inside) = self.encrypt(talk.wire.into_inner()).await else { return };
                    (talk.wire, talk.encrypted) = (BufReader::new(inside), true);
                }
            }
        }
    }

    async fn encrypt(&self, wire: Box<dyn Wire>) -> Option<Box<dyn Wire>> {
        let config = self.house.tls.clone().expect("a certificate");
        let inside = TlsAcceptor::from(config).accept(wire).await.ok()?;
        Some(Box::new(inside))
    }

    async fn answer(&self, talk: &mut Talk, line: &str) -> Then {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match word.as_str() {
            "EHLO" => talk.say(&self.offers(talk.encrypted)).await,
            "STARTTLS" => {
                talk.say("220 go ahead").await;
                return Then::Encrypt;
            }
            "AUTH" => self.log_in(talk, line).await,
            "RSET" | "NOOP" => talk.say("250 2.0.0 ok").await,
            "QUIT" => {
                talk.say("221 2.0.0 bye").await;
                return Then::Close;
            }
            "MAIL" if !talk.let_in => talk.say("530 5.7.0 log in first").await,
            "MAIL" => {
                talk.from = path(line);
                talk.say("250 2.1.0 ok").await;
            }
            "RCPT" => return self.recipient(talk, path(line)).await,
            "DATA" => return self.take(talk).await,
            _ => talk.say("500 5.5.1 what?").await,
        }
        Then::GoOn
    }

    fn offers(&self, encrypted: bool) -> String {
        let mut lines = vec!["250-mail.example.com"];
        if self.house.tls.is_some() && !encrypted {
            lines.push("250-STARTTLS");
        }
        if self.house.login.is_some() {
            lines.push("250-AUTH PLAIN LOGIN");
        }
        lines.push("250 ENHANCEDSTATUSCODES");
        lines.join("\r\n")
    }

    async fn log_in(&self, talk: &mut Talk, line: &str) {
        let given =
            line.split(' ').nth(2).and_then(|text| BASE64_STANDARD.decode(text).ok()).unwrap_or_default();
        let wanted = self.house.login.map(|(user, password)| format!("\0{user}\0{password}"));
        talk.let_in = wanted.is_some_and(|wanted| wanted.as_bytes() == given);
        let answer = if talk.let_in { "235 2.7.0 welcome" } else { "535 5.7.8 no" };
        talk.say(answer).await;
    }

    async fn recipient(&self, talk: &mut Talk, to: String) -> Then {
        let answer = match Rule::of(&to) {
            Rule::Bounce => "550 5.1.1 no such user",
            Rule::Grey if self.book().greyed.insert(to.clone()) => "451 4.7.1 greylisted, try again later",
            Rule::Full => "452 4.2.2 over quota",
            Rule::Relay => "554 5.7.1 relay access denied",
            Rule::Busy => "421 4.7.0 too many connections",
            _ => "250 2.1.5 ok",
        };
        talk.say(answer).await;
        talk.to = if answer.starts_with("250") { to } else { String::new() };
        if answer.starts_with("421") { Then::Close } else { Then::GoOn }
    }

    async fn take(&self, talk: &mut Talk) -> Then {
        if talk.to.is_empty() {
            talk.say("503 5.5.1 for whom?").await;
            return Then::GoOn;
        }
        let rule = Rule::of(&talk.to);
        if rule == Rule::Cut {
            return Then::Close;
        }
        talk.say("354 go ahead").await;
        let mut text = String::new();
        loop {
            let Some(line) = talk.line().await else { return Then::Close };
            if line == "." {
                break;
            }
            text.push_str(line.strip_prefix('.').unwrap_or(&line));
            text.push_str("\r\n");
        }
        if rule == Rule::Spam {
            talk.say("554 5.6.0 we do not like what it says").await;
            return Then::GoOn;
        }
        let (from, to) = (talk.from.clone(), std::mem::take(&mut talk.to));
        let kept = Kept { from, to, text, connection: talk.number, encrypted: talk.encrypted };
        self.book().mails.push(kept);
        if rule == Rule::Lost {
            return Then::Close;
        }
        talk.say("250 2.0.0 queued").await;
        if self.closes_after_mail.load(Ordering::SeqCst) { Then::Close } else { Then::GoOn }
    }
}

impl Talk {
    async fn say(&mut self, answer: &str) {
        let wire = self.wire.get_mut();
        drop(wire.write_all(format!("{answer}\r\n").as_bytes()).await); // who has gone hears nothing
        drop(wire.flush().await);
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.wire.read_line(&mut line).await.ok()?;
        (read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// The address in `MAIL FROM:<…>` or `RCPT TO:<…>`.
fn path(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map(|(address, _)| address.to_owned()).unwrap_or_default()
}
