//! What would happen if a campaign called now.

use std::time::Duration;

use chrono::{DateTime, Utc};
use ringfleet_core::{
    CampaignState, Disposition, E164, Hold,
    id::CampaignKind,
    opening,
    terms::{NO_LEGAL_HOUR, UNKNOWN_ZONE},
};
use ringfleet_engine::{Hands, Lack, Lacks, Preflight, ZoneHours};
use ringfleet_store::Campaign;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    auth::{Allowed, may},
    envelope::{Moment, Reply},
    error::Result,
    path::PathId,
    query::{FromQuery, Parameters, Query},
};

/// Longest `maxAge`, in seconds.
const MOST_AGE: u32 = 300;

/// The look ahead as the API shows it. Each waiting recipient is counted once: callable now, held, or ended.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Preflight)]
pub(super) struct View {
    status: CampaignState,
    waiting: u64,
    callable_now: u64,
    held: Vec<HeldView>,
    ended: Vec<EndedView>,
    zones: Vec<ZoneView>,
    expected_finish: Option<Moment>,
    missing_variables: Vec<LackView>,
    /// What recipients lack that the plan's messages need: `email` is the address.
    missing_in_messages: Vec<LackView>,
    /// Why nobody is called at all, whatever the rules allow.
    blocked: Vec<&'static str>,
    warnings: Vec<String>,
    /// When it was counted; of what is asked for without `maxAge`, now.
    counted_at: Moment,
}

/// Recipients who lack a variable that the agent's texts ask for. They are counted as callable or held as well.
#[derive(Serialize, ToSchema)]
#[schema(as = PreflightMissing)]
struct LackView {
    variable: String,
    count: u64,
    /// Some of their numbers.
    examples: Vec<E164>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PreflightHeld)]
struct HeldView {
    hold: Hold,
    count: u64,
    first: Moment,
    last: Moment,
}

/// Recipients that would end without a call.
#[derive(Serialize, ToSchema)]
#[schema(as = PreflightEnded)]
struct EndedView {
    disposition: Disposition,
    reason: &'static str,
    count: u64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PreflightZone)]
struct ZoneView {
    zones: Vec<&'static str>,
    count: u64,
    open_now: bool,
    hours: Vec<StretchView>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PreflightStretch)]
struct StretchView {
    from: Moment,
    to: Option<Moment>,
}

/// `?maxAge=`: how many seconds ago it may have been counted.
pub(super) struct Asked(Duration);

impl FromQuery for Asked {
    fn read(parameters: &mut Parameters) -> Result<Self> {
        Ok(Self(Duration::from_secs(parameters.whole("maxAge", 0, MOST_AGE, 0)?.into())))
    }
}

/// `GET /campaigns/:id/preflight`: who can be called at this moment, who waits for what and until when, who never will be called, and
/// when everybody will have been called once.
pub(super) async fn show(
    door: Allowed<may::Read>,
    PathId(id): PathId<CampaignKind>,
    Query(Asked(most)): Query<Asked>,
) -> Result<Reply<View>> {
    let (gate, workspace) = door.into_gate();
    let counted = gate.preflights().at_most(gate.engine(), workspace, id, most);
    let (counted, hands) = tokio::join!(counted, gate.engine().hands());
    let counted = counted?;
    Ok(Reply::ok(View::of(counted.campaign(), Preflight::clone(&counted.found), hands, counted.at)))
}

impl View {
    fn of(campaign: &Campaign, found: Preflight, hands: Hands, at: DateTime<Utc>) -> Self {
        let (blocked, warnings) = (blocked(&found, hands), warnings(&found));
        Self {
            status: campaign.state,
            waiting: found.waiting,
            callable_now: found.callable_now,
            held: found
                .held
                .into_iter()
                .map(|(hold, held)| HeldView {
                    hold,
                    count: held.count,
                    first: held.first.into(),
                    last: held.last.into(),
                })
                .collect(),
            ended: found
                .ended
                .into_iter()
                .map(|((disposition, reason), count)| EndedView { disposition, reason, count })
                .collect(),
            zones: found.zones.into_iter().map(ZoneView::from).collect(),
            expected_finish: Moment::maybe(found.expected_finish),
            missing_variables: shown(found.lacks),
            missing_in_messages: shown(found.message_lacks),
            blocked,
            warnings,
            counted_at: at.into(),
        }
    }
}

fn shown(lacks: Lacks) -> Vec<LackView> {
    let one = |(variable, Lack { count, examples })| LackView { variable, count, examples };
    lacks.variables.into_iter().map(one).collect()
}

impl From<ZoneHours> for ZoneView {
    fn from(zone: ZoneHours) -> Self {
        let hours = zone.stretches.into_iter();
        Self {
            zones: zone.zones.iter().map(|zone| zone.name()).collect(),
            count: zone.count,
            open_now: zone.is_open,
            hours: hours.map(|(from, to)| StretchView { from: from.into(), to: Moment::maybe(to) }).collect(),
        }
    }
}

fn blocked(found: &Preflight, hands: Hands) -> Vec<&'static str> {
    let mut blocked = Vec::new();
    if !hands.take_calls {
        blocked.push("no worker takes calls at present: everybody waits until one does");
    }
    if found.needs_speech && !hands.speak {
        blocked.push(
            "the agent says a text, and no worker makes speech of texts: everybody waits until one does; set speech.provider for the workers (espeak-ng needs nothing else), or give the agent sounds in place of texts",
        );
    }
    blocked
}

fn warnings(found: &Preflight) -> Vec<String> {
    let mut warnings = Vec::new();
    let unknown = ended_with(found, UNKNOWN_ZONE);
    if unknown > 0 {
        warnings.push(format!(
            "nobody knows where {unknown} recipients are: give their zone in the list (column timezone), or the campaign's own (schedule.timezone)"
        ));
    }
    let never = ended_with(found, NO_LEGAL_HOUR);
    if never > 0 {
        warnings.push(format!(
            "for {never} recipients no hour is legal in every zone their number may ring in: give their zone in the list (column timezone), or wider hours"
        ));
    }
    let several = found.zones.iter().filter(|zone| zone.zones.iter().count() > 1);
    let narrowed: u64 = several.map(|zone| zone.count).sum();
    if narrowed > 0 {
        warnings.push(format!(
            "the numbers of {narrowed} recipients may ring in several time zones and are called only in hours open in all of them: give their zone in the list (column timezone)"
        ));
    }
    if found.lacks.recipients > 0 {
        let all = found.lacks.variables.iter();
        let names: Vec<String> = all.map(|(name, lack)| format!("{name} {}", lack.count)).collect();
        warnings.push(format!(
            "{} recipients lack variables that the agent's texts ask for ({}) and will end INVALID missing_variable: give the agent's places a default, as in {{{{name|friend}}}}, or a list that has them",
            found.lacks.recipients,
            names.join(", ")
        ));
    }
    if found.lacks.too_long > 0 {
        warnings.push(format!(
            "the variables of {} recipients make a text of the agent longer than {} characters, and they will end INVALID text_too_long",
            found.lacks.too_long,
            opening::LIMIT
        ));
    }
    let unwritable = &found.message_lacks;
    if unwritable.recipients + unwritable.too_long > 0 {
        let all = unwritable.variables.iter();
        let mut names: Vec<String> = all.map(|(name, lack)| format!("{name} {}", lack.count)).collect();
        if unwritable.too_long > 0 {
            names.push(format!("too long {}", unwritable.too_long));
        }
        warnings.push(format!(
            "to {} recipients some message of the plan cannot be sent ({}): its step fails for them and the next one is looked at; give its places a default, or a list that has them",
            unwritable.recipients + unwritable.too_long,
            names.join(", ")
        ));
    }
    if let Some(seconds) = found.seconds_a_seat.filter(|_| found.expected_finish.is_some()) {
        warnings.push(format!(
            "the expected finish holds while a call takes no longer than {seconds:.1} seconds on average, ringing included: longer ones leave the seats to fewer people"
        ));
    }
    if found.expected_finish.is_none() && found.waiting > 0 {
        warnings.push("no finish can be told: neither campaign, workspace nor trunk has a limit of calls per second, or it is too far off".into());
    }
    warnings
}

fn ended_with(found: &Preflight, reason: &str) -> u64 {
    found.ended.iter().filter(|((_, ended), _)| *ended == reason).map(|(_, n)| n).sum()
}
