use ringfleet_core::{Clock, Role, SystemClock};

use crate::{
    config::Config,
    process::{Failure, open_store},
};

/// Makes an API key, and its workspace if there is none of that name. The key is printed once, as the last line.
pub async fn create(config: &Config, workspace: &str, role: Role) -> Result<(), Failure> {
    let name = workspace.trim();
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        return Err(Failure::new("--workspace: give a name of 1 to 120 characters"));
    }
    let store = open_store(config).await?;
    store.check_schema().await?;
    let key = ringfleet_api::new_key(rand::random());
    let now = SystemClock.now();
    let mut tx = store.write().await?;
    let workspace = tx.workspace_named(name, now).await?;
    tx.insert_key(workspace.id, role, &key.prefix, &key.hash, now).await?;
    tx.commit().await?;
    store.close().await;
    let made = if workspace.created_at == now { "made the workspace" } else { "in the existing workspace" };
    eprintln!("{made} {name} ({}); this {role} key is shown only now:", workspace.id);
    println!("{}", key.secret);
    Ok(())
}
