//! Every trunk is asked whether it is there and would serve us, and every greeting that agents name is looked for. Nobody is called.

use std::time::Duration;

use futures::{StreamExt, stream};
use ringfleet_carriers::Registry;
use ringfleet_store::{Agent, Page, Store, StoreError, Trunk};
use tokio::time::timeout;

use crate::{config::Config, doctor::report::Report};

/// Trunks, and agents, of a workspace that are looked at.
const MOST: u32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(15);
const AT_ONCE: usize = 16;

pub async fn check(config: &Config, store: &Store, report: &mut Report) {
    let (trunks, agents) = match all(store).await {
        Ok(found) => found,
        Err(error) => return report.fail("trunks", error, "see what is said of the database"),
    };
    if trunks.is_empty() {
        report.ok("trunks", "there are none yet");
    }
    let registry = Registry::new(config.sip.clone()).with_rest(config.rest());
    let answers = stream::iter(trunks).map(|trunk| async {
        let answer = answer(&registry, &trunk).await;
        (trunk, answer)
    });
    let answers: Vec<(Trunk, Result<(), String>)> = answers.buffered(AT_ONCE).collect().await;
    registry.close().await; // what was registered for it is taken back
    for (trunk, answer) in answers {
        let what = format!("trunk {} ({})", trunk.id, trunk.name);
        match answer {
            Ok(()) => report.ok(what, "answers"),
            Err(why) => report.fail(what, &why, advice(&why)),
        }
    }
    greetings(config, &agents, report);
    speech(config, &agents, report);
}

/// Texts need somebody who says them; where a provider of the trunk does, as with Twilio, nobody here has to.
fn speech(config: &Config, agents: &[Agent], report: &mut Report) {
    let says = |agent: &&Agent| agent.conversation.texts().next().is_some();
    let count = agents.iter().filter(says).count();
    if count > 0 && config.speech.is_none() {
        report.warn(
            "speech",
            format!("{count} agents say texts, and nobody is named who makes speech of them: calls by SIP, and simulated ones, wait"),
            "set speech.provider, to espeak-ng or openai, for every worker; see docs/OPERATIONS.md",
        );
    }
}

async fn all(store: &Store) -> Result<(Vec<Trunk>, Vec<Agent>), StoreError> {
    let mut tx = store.read().await?;
    let (mut trunks, mut agents) = (Vec::new(), Vec::new());
    for workspace in tx.all_workspaces().await? {
        trunks.extend(tx.trunks(workspace.into(), Page::first(MOST)).await?);
        agents.extend(tx.agents(workspace.into(), None, Page::first(MOST)).await?);
    }
    Ok((trunks, agents))
}

async fn answer(registry: &Registry, trunk: &Trunk) -> Result<(), String> {
    let carrier = registry.carrier(trunk.id, &trunk.config).map_err(|error| error.to_string())?;
    match timeout(PATIENCE, carrier.probe()).await {
        Ok(answer) => answer.map_err(str::to_owned),
        Err(_) => Err("trunk_silent".to_owned()),
    }
}

fn advice(why: &str) -> &'static str {
    match why {
        "auth" => "correct its user and password, or the account's token",
        "forbidden" => "let the provider admit the address of this machine",
        "network" => "see its host and port, the name servers, and the firewall (also for what comes back)",
        "trunk_silent" => "nobody answers: see host, port, transport and firewall",
        _ => "see its settings",
    }
}

fn greetings(config: &Config, agents: &[Agent], report: &mut Report) {
    let folder = config.greetings();
    let named = agents.iter().filter_map(|agent| Some((agent, agent.greeting.as_ref()?)));
    let mut count = 0;
    for (agent, greeting) in named {
        count += 1;
        if !folder.join(greeting).is_file() {
            let found = format!("{greeting} of agent {} is not in {}", agent.id, folder.display());
            report.fail("greetings", found, "put the file there, on every machine with an api or a worker");
        }
    }
    report.ok("greetings", format!("{count} agents name one"));
}
