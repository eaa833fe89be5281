//! The two pairs of backends, so that one test body runs on both.

use tempfile::TempDir;

use super::{SOON, api::Api, guard, postgres::Postgres, process::Process, redis::Redis};

/// Webhooks of a test go to receivers on this machine.
const LOCAL_RECEIVERS: (&str, &str) = ("RINGFLEET_WEBHOOKS__ALLOW", r#"["127.0.0.0/8"]"#);
/// What a fleet keeps secrets with; alone, it makes a key by itself.
const KEYS: (&str, &str) = ("RINGFLEET_SECRETS__KEYS", r#"["BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="]"#);

/// Where a system keeps its rows and its jobs.
pub enum Pair {
    /// SQLite and the in-process queue, in a temporary folder.
    Embedded(TempDir),
    /// A database of its own on the shared PostgreSQL, and a Redis of its own.
    Fleet { database_url: String, redis: Redis },
}

/// A running system: on the embedded pair one process with all roles, on the fleet one of each.
pub struct System {
    /// The native API with an administrator's key for the workspace `test`.
    pub api: Api,
    /// The origin of the API, such as `http://127.0.0.1:8080`.
    pub base: String,
    pub server: Process,
    /// The scheduler and the worker where they are processes of their own.
    pub scheduler: Option<Process>,
    pub worker: Option<Process>,
}

impl Pair {
    pub fn embedded() -> Self {
        Self::Embedded(guard::folder())
    }

    pub async fn fleet() -> Self {
        let database_url = Postgres::shared().await.fresh_database().await;
        Self::Fleet { database_url, redis: Redis::start().await }
    }

    /// Starts `ringfleet` on this pair. `env` comes on top of the URLs.
    pub fn spawn(&self, args: &[&str], env: &[(&str, &str)]) -> Process {
        let mut args = args.to_vec();
        let defaults = [LOCAL_RECEIVERS];
        let env = defaults.iter().chain(env);
        let mut variables: Vec<(String, String)> =
            env.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match self {
            Self::Embedded(folder) => args.extend(["--data", folder.path().to_str().expect("a plain path")]),
            Self::Fleet { database_url, redis } => {
                variables.extend([
                    ("DATABASE_URL".into(), database_url.clone()),
                    ("REDIS_URL".into(), redis.url()),
                ]);
                if !variables.iter().any(|(name, _)| name == KEYS.0) {
                    variables.push((KEYS.0.into(), KEYS.1.into()));
                }
            }
        }
        Process::spawn(&args, &variables)
    }

    /// Runs a command of `ringfleet` on this pair to its end and returns its standard output.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub async fn run(&self, args: &[&str]) -> String {
        let process = self.spawn(args, &[]);
        let status = process.wait_exit(SOON).await;
        assert!(status.success(), "ringfleet {args:?}: {status}");
        process.stdout()
    }

    /// Makes an API key of that role; the workspace is made if need be.
    pub async fn key(&self, workspace: &str, role: &str) -> String {
        let output = self.run(&["key", "create", "--workspace", workspace, "--role", role]).await;
        output.lines().last().expect("the key is the last line").to_owned()
    }

    /// Starts a whole system with `env` for each of its processes, and waits until it is ready.
    pub async fn start(&self, env: &[(&str, &str)]) -> System {
        self.start_at("127.0.0.1:0", env).await
    }

    /// The same with the API at this address, for those who have to know it before.
    pub async fn start_at(&self, listen: &str, env: &[(&str, &str)]) -> System {
        let (server, scheduler, worker) = match self {
            Self::Embedded(_) => (self.spawn(&["up", "--listen", listen], env), None, None),
            Self::Fleet { .. } => {
                self.run(&["migrate"]).await;
                let server = self.spawn(&["api", "--listen", listen], env);
                (server, Some(self.spawn(&["scheduler"], env)), Some(self.spawn(&["worker"], env)))
            }
        };
        let base = server.wait_line("listening on ", SOON).await;
        for role in [&scheduler, &worker].into_iter().flatten() {
            role.wait_line("ready", SOON).await;
        }
        let key = self.key("test", "admin").await;
        System { api: Api::new(&base, &key), base, server, scheduler, worker }
    }
}
