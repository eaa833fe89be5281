//! The figures of a campaign as the API shows them.

use std::collections::BTreeMap;

use ringfleet_core::{CampaignState, Channel, Disposition, Hold, Outcome};
use ringfleet_engine::{CampaignStats, SeatStats};
use serde::Serialize;
use utoipa::ToSchema;

use crate::envelope::Moment;

/// Every name is there, also with nothing counted under it.
type Counts = BTreeMap<&'static str, u64>;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignStats)]
pub(super) struct StatsView {
    status: CampaignState,
    recipients: Recipients,
    calls: Calls,
    seats: Option<SeatsView>,
    holds: Counts,
    expected_finish: Option<Moment>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignRecipientCounts)]
struct Recipients {
    total: u64,
    pending: u64,
    queued: u64,
    active: u64,
    done: u64,
    by_disposition: Counts,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignCallCounts)]
struct Calls {
    ended: u64,
    ringing: u64,
    talking: u64,
    by_outcome: Counts,
    by_channel: Counts,
    by_hour: Vec<Hour>,
    answer_rate: Option<f64>,
}

/// The seats of a campaign: how many, how many of them are taken, and how many calls go out for each that is free, after what became
/// of those who picked up.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = CampaignSeatsNow)]
struct SeatsView {
    count: u32,
    busy: u32,
    free: u32,
    call_ratio: f64,
    answers: u64,
    abandoned: u64,
    share: Option<f64>,
}

impl From<&SeatStats> for SeatsView {
    fn from(seats: &SeatStats) -> Self {
        Self {
            count: seats.count,
            busy: seats.busy,
            free: seats.count.saturating_sub(seats.busy),
            call_ratio: seats.ratio,
            answers: seats.answers.answered,
            abandoned: seats.answers.abandoned,
            share: seats.share,
        }
    }
}

/// The calls that ended in the hour from `hour` on.
#[derive(Serialize, ToSchema)]
#[schema(as = CampaignHour)]
struct Hour {
    hour: String,
    calls: u64,
    answered: u64,
}

impl StatsView {
    pub(super) fn new(status: CampaignState, stats: &CampaignStats) -> Self {
        let by_disposition = counts(Disposition::ALL.iter().map(|d| d.as_str()), &stats.dispositions);
        let by_outcome = counts(Outcome::ALL.iter().map(|o| o.as_str()), &stats.outcomes);
        let hours = stats.hours.iter().map(|h| Hour {
            hour: format!("{}:00:00Z", h.hour),
            calls: h.calls,
            answered: h.answered,
        });
        Self {
            status,
            recipients: Recipients {
                total: stats.recipients,
                pending: stats.pending,
                queued: stats.queued,
                active: stats.active,
                done: by_disposition.values().sum(),
                by_disposition,
            },
            calls: Calls {
                ended: by_outcome.values().sum(),
                ringing: stats.ringing,
                talking: stats.talking,
                by_outcome,
                by_channel: counts(Channel::ALL.iter().map(|c| c.as_str()), &stats.channels),
                by_hour: hours.collect(),
                answer_rate: stats.answer_rate,
            },
            seats: stats.seats.as_ref().map(SeatsView::from),
            holds: Hold::ALL.iter().map(|h| (h.as_str(), stats.holds.get(h).copied().unwrap_or(0))).collect(),
            expected_finish: Moment::maybe(stats.expected_finish),
        }
    }
}

fn counts(names: impl Iterator<Item = &'static str>, found: &BTreeMap<String, u64>) -> Counts {
    names.map(|name| (name, found.get(name).copied().unwrap_or(0))).collect()
}
