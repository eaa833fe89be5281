//! The first steps at the command line: API keys and users. Whoever has the database may do everything, so nobody is asked who they are.

use std::{io::Read, time::Duration};

use chrono::{DateTime, Utc};
use ringfleet_core::{ApiKeyId, Clock, Role, Scopes, SystemClock, account, clock::Stopwatch, clock::rfc3339};
use ringfleet_engine::Engine;
use ringfleet_fleet::Fleet;
use ringfleet_store::{Key, NewApiKey, Page, Store, StoreError, Workspace};

use crate::{
    config::Config,
    process::{Failure, open_store, own_data},
};

/// How long another process may take to set the database up.
const SETTING_UP: Duration = Duration::from_secs(5);
/// Most rows a list shows.
const SHOWN: u32 = 1_000;

/// Opens the database for one command; the first one on a folder makes its schema.
async fn opened(config: &Config) -> Result<Store, Failure> {
    let own = own_data(config);
    let store = open_store(config).await?;
    match own {
        // The first command on a folder; nobody runs beside it.
        Ok(Some(_)) => store.migrate().await?,
        Ok(None) => store.check_schema().await?,
        Err(_) => wait_for_schema(&store).await?,
    }
    Ok(store)
}

fn name_of(workspace: &str) -> Result<&str, Failure> {
    let name = workspace.trim();
    match name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        true => Err(Failure::new("--workspace: give a name of 1 to 120 characters")),
        false => Ok(name),
    }
}

/// Makes an API key, and its workspace if there is none of that name. The key is printed once, as the last line.
pub async fn create(config: &Config, workspace: &str, role: Role) -> Result<(), Failure> {
    let name = name_of(workspace)?;
    let store = opened(config).await?;
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
    let new = NewApiKey {
        workspace: workspace.id,
        name: "command line",
        role,
        scopes: Scopes::ALL,
        rate_limit: None,
        expires_at: None,
        prefix: &key.prefix,
        hash: &key.hash,
    };
    tx.insert_key(&new, now).await?;
    tx.commit().await?;
    Ok((workspace, key.secret))
}

/// Lists the keys of a workspace: id, prefix, role, when it was last used, name.
pub async fn list(config: &Config, workspace: &str) -> Result<(), Failure> {
    let store = opened(config).await?;
    let mut tx = store.read().await?;
    let found = tx.workspace_by_name(name_of(workspace)?).await?;
    let found = found.ok_or_else(|| Failure::new(format!("there is no workspace {workspace}")))?;
    let keys = tx.keys(found.id, Page::first(SHOWN)).await?;
    tx.commit().await?;
    store.close().await;
    for Key { id, prefix, role, last_used_at, name, .. } in keys {
        let used = last_used_at.map_or("never used".to_owned(), rfc3339);
        println!("{id}\t{prefix}…\t{role}\t{used}\t{name}");
    }
    Ok(())
}

/// Ends a key for good; it opens nothing any more, in any process.
pub async fn revoke(config: &Config, id: ApiKeyId) -> Result<(), Failure> {
    let store = opened(config).await?;
    let mut tx = store.write().await?;
    let key = tx.hold_any_key(id).await?.ok_or_else(|| missing(id))?;
    tx.revoke_key(id, SystemClock.now()).await?;
    tx.commit().await?;
    store.close().await;
    println!("revoked {} ({}…)", key.id, key.prefix);
    Ok(())
}

/// Gives a key another secret, which is printed once, as the last line. The old one opens nothing any more.
pub async fn rotate(config: &Config, id: ApiKeyId) -> Result<(), Failure> {
    let store = opened(config).await?;
    let made = ringfleet_api::new_key(rand::random());
    let mut tx = store.write().await?;
    let key = tx.hold_any_key(id).await?.ok_or_else(|| missing(id))?;
    tx.rotate_key(id, &made.prefix, &made.hash).await?;
    tx.commit().await?;
    store.close().await;
    eprintln!(
        "{}… opens nothing any more; the new secret of this {} key is shown only now:",
        key.prefix, key.role
    );
    println!("{}", made.secret);
    Ok(())
}

fn missing(id: ApiKeyId) -> Failure {
    Failure::new(format!(
        "there is no key {id} that is not revoked; `ringfleet key list --workspace NAME` shows them"
    ))
}

/// Makes a user, whose password is read from standard input. With a workspace, which is made if there is none of that name, as
/// its admin.
pub async fn create_user(
    config: &Config,
    email: &str,
    superuser: bool,
    workspace: Option<&str>,
) -> Result<(), Failure> {
    let email = account::email(email).map_err(|problem| Failure::new(format!("--email: {problem}")))?;
    let workspace = workspace.map(name_of).transpose()?;
    eprintln!("the password of {email}, on one line:");
    let mut password = String::new();
    std::io::stdin().take(4_096).read_to_string(&mut password)?;
    let store = opened(config).await?;
    let engine = Engine::new(store, Fleet::in_process(), std::sync::Arc::new(SystemClock), config.retries());
    let user = engine.create_user(&email, &email, password.trim_end_matches(['\r', '\n']), superuser).await?;
    if let Some(name) = workspace {
        let now = SystemClock.now();
        let mut tx = engine.store().write().await?;
        let workspace = tx.workspace_named(name, now).await?;
        tx.insert_member(workspace.id, user.id, Role::Admin, now).await?;
        tx.commit().await?;
        eprintln!("an admin of {name} ({})", workspace.id);
    }
    engine.store().close().await;
    println!("{}", user.id);
    Ok(())
}

/// Lists users: id, e-mail address, whether they are superusers.
pub async fn list_users(config: &Config) -> Result<(), Failure> {
    let store = opened(config).await?;
    let mut tx = store.read().await?;
    let users = tx.users(Page::first(SHOWN)).await?;
    tx.commit().await?;
    store.close().await;
    for user in users {
        println!("{}\t{}\t{}", user.id, user.email, if user.superuser { "superuser" } else { "user" });
    }
    Ok(())
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
