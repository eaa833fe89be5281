//! Everything that runs while it is being tortured.

use std::{net::SocketAddr, time::Duration};

use ringfleet_store::Store;
use tempfile::TempDir;
use tokio::sync::{Mutex, mpsc};

use super::{
    crew::{Crew, Setting},
    desk::Desk,
    load::Ground,
    schedule::Fault,
    servers::{Postgres, Redis},
    tether::{free_port, run},
};
use crate::{
    demo::{
        client::Client,
        receiver::{Notice, Receiver},
    },
    process::Failure,
};

const APIS: usize = 2;
const SCHEDULERS: usize = 2;
const WORKERS: usize = 3;

/// Servers, roles, receiver, and the desk of an operator; in a temporary folder.
pub struct House {
    pub crew: Crew,
    pub desk: Desk,
    pub ground: Ground,
    // Held by whoever stops and starts it.
    postgres: Mutex<Postgres>,
    redis: Mutex<Redis>,
    _receiver: Receiver,
}

/// What the receiver hears; it outlives the house.
pub type Notices = mpsc::UnboundedReceiver<Notice>;

impl House {
    /// Starts everything in `folder`.
    ///
    /// # Errors
    /// When a program is not installed, or something does not start.
    pub async fn open(folder: &TempDir) -> Result<(Self, Notices), Failure> {
        let logs = folder.path().join("logs");
        let postgres = Postgres::start(folder.path(), &logs).await?;
        let redis = Redis::start(folder.path(), &logs).await?;
        let setting = Setting {
            database_url: postgres.url(),
            redis_url: redis.url(),
            folder: folder.path().to_owned(),
        };
        run(&mut setting.ringfleet(&["migrate".into()])?).await?;
        let create = ["key", "create", "--workspace", "Torture", "--role", "admin"].map(String::from);
        let key = run(&mut setting.ringfleet(&create)?).await?.trim().to_owned();
        let (mut roles, mut doors) = (Vec::new(), Vec::new());
        for nth in 1..=APIS {
            let listen = SocketAddr::from(([127, 0, 0, 1], free_port().await?));
            roles.push((format!("api-{nth}"), vec!["api".into(), "--listen".into(), listen.to_string()]));
            doors.push(Client::new(listen, key.clone())?);
        }
        roles.extend((1..=SCHEDULERS).map(|nth| (format!("scheduler-{nth}"), vec!["scheduler".into()])));
        roles.extend((1..=WORKERS).map(|nth| (format!("worker-{nth}"), vec!["worker".into()])));
        let crew = Crew::start(setting, roles).await?;
        let desk = Desk::new(doors);
        let (journal, notices) = mpsc::unbounded_channel();
        let receiver = Receiver::journaled(journal).await?;
        let ground = Ground::prepare(&desk, &receiver).await?;
        let (postgres, redis) = (Mutex::new(postgres), Mutex::new(redis));
        Ok((Self { crew, desk, ground, postgres, redis, _receiver: receiver }, notices))
    }

    /// Opens the database to look into it.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn store(&self) -> Result<Store, Failure> {
        Ok(Store::postgres(&self.crew.setting().database_url, 4).await?)
    }

    /// Lets something happen, and waits until what can be put right has been. False when there was nothing it could
    /// happen to.
    ///
    /// # Errors
    /// When something does not start again.
    pub async fn suffer(&self, fault: &Fault) -> Result<bool, Failure> {
        match *fault {
            Fault::KillWorker { nth, away } => self.kill("worker", nth, away).await,
            Fault::KillScheduler { nth, away } => self.kill("scheduler", nth, away).await,
            Fault::KillApi { nth, away } => self.kill("api", nth, away).await,
            Fault::FlushRedis => self.redis.lock().await.flush().await.map(|()| true),
            Fault::RestartRedis { away } => self.redis.lock().await.restart(away).await.map(|()| true),
            Fault::RestartPostgres { crash, away } => {
                self.postgres.lock().await.restart(crash, away).await.map(|()| true)
            }
            Fault::FreezePostgres { stays } => {
                self.postgres.lock().await.freeze(stays).await;
                Ok(true)
            }
            Fault::JumpClock { role, nth, millis, stays } => match self.crew.member(role, nth) {
                Some(member) => self.crew.shift(member, millis, stays).await.map(|()| true),
                None => Ok(false),
            },
            Fault::Pause { nth, stays } => self.desk.pause(nth, stays).await,
            Fault::Cancel { nth } => self.desk.cancel(nth).await,
            Fault::Change { nth, limits, attempts, stays } => {
                self.desk.change(nth, limits, attempts, stays).await
            }
            Fault::HangUp { nth, stays } => self.desk.hang_up(nth, stays).await,
            Fault::Suppress { seed, count } => self.ground.suppress(&self.desk, seed, count).await,
        }
    }

    async fn kill(&self, role: &str, nth: usize, away: Duration) -> Result<bool, Failure> {
        match self.crew.member(role, nth) {
            Some(member) => self.crew.kill(member, away).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Ends everything at once.
    pub async fn close(self) {
        self.crew.close().await;
        self.redis.into_inner().close().await;
        self.postgres.into_inner().close().await;
    }
}
