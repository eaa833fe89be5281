use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_core::{Clock, Role, SystemClock, clock::Stopwatch};
use ringfleet_store::{Store, StoreError, Workspace};

use crate::{
    config::Config,
    process::{Failure, open_store, own_data},
};

/// How long another process may take to set the database up.
const SETTING_UP: Duration = Duration::from_secs(5);

/// Makes an API key, and its workspace if there is none of that name. The key is printed once, as the last line.
pub async fn create(config: &Config, workspace: &str, role: Role) -> Result<(), Failure> {
    let name = workspace.trim();
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        return Err(Failure::new("--workspace: give a name of 1 to 120 characters"));
    }
    let own = own_data(config);
    let store = open_store(config).await?;
    match own {
        // The first command on a folder; nobody runs beside it.
        Ok(Some(_)) => store.migrate().await?,
        Ok(None) => store.check_schema().await?,
        Err(_) => wait_for_schema(&store).await?,
    }
    let now = SystemClock.now();
    let (workspace, secret) = make(&store, name, role, now).await?;
    store.close().await;
    let made = if workspace.created_at == now { "made the workspace" } else { "in the existing workspace" };
    eprintln!("{made} {name} ({}); this {role} key is shown only now:", workspace.id);
    println!("{secret}");
    Ok(())
}

/// A fresh key of the workspace of that name, which is made if there is none. Nobody can read the key again.
///
/// # Errors
/// When the database does not take it.
pub async fn make(
    store: &Store,
    workspace: &str,
    role: Role,
    now: DateTime<Utc>,
) -> Result<(Workspace, String), StoreError> {
    let key = ringfleet_api::new_key(rand::random());
    let mut tx = store.write().await?;
    let workspace = tx.workspace_named(workspace, now).await?;
    tx.insert_key(workspace.id, role, &key.prefix, &key.hash, now).await?;
    tx.commit().await?;
    Ok((workspace, key.secret))
}

/// Passes when the schema is this version's; another process may just be bringing it there.
async fn wait_for_schema(store: &Store) -> Result<(), StoreError> {
    let waited = Stopwatch::start();
    loop {
        match store.check_schema().await {
            Err(_) if waited.elapsed() < SETTING_UP => tokio::time::sleep(SETTING_UP / 50).await,
            checked => return checked,
        }
    }
}
