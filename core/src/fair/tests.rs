use proptest::{collection::vec, prelude::*};

use super::*;

const PLENTY: u32 = 1_000_000;

/// A campaign by the numbers of its workspace, its trunk there, and its own on it.
fn asking(workspace: u128, trunk: u128, campaign: u128, weight: f64) -> Asking {
    let trunk = workspace * 100 + trunk;
    let id = Uuid::from_u128;
    Asking {
        campaign: id(trunk * 100 + campaign).into(),
        lines: id(trunk),
        workspace: id(workspace).into(),
        weight,
    }
}

/// So much in all, and plenty under each limit.
fn room(asking: &[Asking], all: u32) -> Room {
    Room {
        all,
        workspaces: asking.iter().map(|a| (a.workspace, PLENTY)).collect(),
        lines: asking.iter().map(|a| (a.lines, PLENTY)).collect(),
        campaigns: asking.iter().map(|a| (a.campaign, PLENTY)).collect(),
    }
}

/// How many calls those got whom `of` tells apart.
fn sums<K: std::hash::Hash + Eq>(
    quotas: &[(CampaignId, u32)],
    asking: &[Asking],
    of: impl Fn(&Asking) -> K,
) -> HashMap<K, u32> {
    let mut sums: HashMap<K, u32> = asking.iter().map(|a| (of(a), 0)).collect();
    let by_id: HashMap<CampaignId, &Asking> = asking.iter().map(|a| (a.campaign, a)).collect();
    for (campaign, n) in quotas {
        *sums.entry(of(by_id[campaign])).or_default() += n;
    }
    sums
}

/// Workspaces with their trunks with the weights of their campaigns.
fn everybody() -> impl Strategy<Value = Vec<Asking>> {
    let weight = prop_oneof![Just(1.0), 0.1..=100.0];
    vec(vec(vec(weight, 1..5), 1..4), 1..5).prop_map(|workspaces| {
        let mut all = Vec::new();
        for (w, trunks) in (1..).zip(workspaces) {
            for (t, weights) in (1..).zip(trunks) {
                all.extend((1..).zip(weights).map(|(c, weight)| asking(w, t, c, weight)));
            }
        }
        all
    })
}

/// With everybody backlogged: the calls of each in so many rounds with these rooms.
fn rounds(fair: &mut Fair, asking: &[Asking], rooms: &[u32]) -> Vec<(CampaignId, u32)> {
    let mut room = room(asking, 0);
    let mut round = |all: &u32| {
        room.all = *all;
        fair.round(asking).deal(&room)
    };
    rooms.iter().flat_map(&mut round).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn workspaces_get_the_same_and_campaigns_by_weight(asking in everybody(), rooms in vec(0u32..60, 1..100)) {
        let calls = rounds(&mut Fair::default(), &asking, &rooms);
        let workspaces = sums(&calls, &asking, |a| a.workspace);
        prop_assert_eq!(workspaces.values().sum::<u32>(), rooms.iter().sum::<u32>());
        let (least, most) = (workspaces.values().min().unwrap(), workspaces.values().max().unwrap());
        prop_assert!(most - least <= 1, "{:?}", workspaces);
        // Measured in laps, two on one trunk are less than two calls of the heavier one apart, and so are two trunks.
        let campaigns = sums(&calls, &asking, |a| a.campaign);
        let trunks = sums(&calls, &asking, |a| a.lines);
        let heavy = |trunk| asking.iter().filter(|a| a.lines == trunk).map(|a| a.weight).sum::<f64>();
        let near = |(a, weight): (u32, f64), (b, other): (u32, f64)| {
            (f64::from(a) * other - f64::from(b) * weight).abs() <= 2.0 * weight.max(other)
        };
        for (a, b) in asking.iter().flat_map(|a| asking.iter().map(move |b| (a, b))) {
            if a.lines == b.lines {
                prop_assert!(near((campaigns[&a.campaign], a.weight), (campaigns[&b.campaign], b.weight)));
            }
            if a.workspace == b.workspace {
                prop_assert!(near((trunks[&a.lines], heavy(a.lines)), (trunks[&b.lines], heavy(b.lines))));
            }
        }
    }

    #[test]
    fn nobody_starves_with_a_room_of_one(asking in everybody(), lightest in 0.1f64..=1.0) {
        // Weights near one another, so that a turn of everybody is short.
        let near = |weight: f64| weight.clamp(lightest, 1.0);
        let asking: Vec<_> = asking.into_iter().map(|a| Asking { weight: near(a.weight), ..a }).collect();
        let heavy: f64 = asking.iter().map(|a| a.weight).sum();
        // Every fourth call is its workspace's at least, and of those its part by weight; two laps to begin with.
        let enough = 8.0 * (heavy / lightest + asking.len() as f64);
        let calls = rounds(&mut Fair::default(), &asking, &vec![1; enough as usize]);
        let campaigns = sums(&calls, &asking, |a| a.campaign);
        prop_assert!(campaigns.values().all(|n| *n > 0), "{:?} of {}", campaigns, enough);
    }

    #[test]
    fn no_room_is_exceeded_and_none_is_left_that_somebody_could_use(
        asking in everybody(),
        rooms in vec((0u32..40, vec(0u32..20, 80)), 1..20),
    ) {
        let mut fair = Fair::default();
        for (all, limits) in rooms {
            let limit = |n: usize| limits[n % limits.len()];
            let given = Room {
                all,
                workspaces: asking.iter().map(|a| (a.workspace, limit(a.workspace.uuid().as_u128() as usize))).collect(),
                lines: asking.iter().map(|a| (a.lines, limit(a.lines.as_u128() as usize * 7))).collect(),
                campaigns: asking.iter().enumerate().map(|(i, a)| (a.campaign, limit(i * 3))).collect(),
            };
            let quotas = fair.round(&asking).deal(&given);
            prop_assert!(quotas.iter().all(|(_, n)| *n > 0));
            let campaigns = sums(&quotas, &asking, |a| a.campaign);
            let trunks = sums(&quotas, &asking, |a| a.lines);
            let workspaces = sums(&quotas, &asking, |a| a.workspace);
            let dealt: u32 = campaigns.values().sum();
            prop_assert!(dealt <= all);
            for a in &asking {
                let left = [
                    all - dealt,
                    given.campaigns[&a.campaign].checked_sub(campaigns[&a.campaign]).unwrap(),
                    given.lines[&a.lines].checked_sub(trunks[&a.lines]).unwrap(),
                    given.workspaces[&a.workspace].checked_sub(workspaces[&a.workspace]).unwrap(),
                ];
                prop_assert!(left.contains(&0), "{a:?} could have had more: {left:?}");
            }
        }
    }

    #[test]
    fn low_ids_are_not_favoured(asking in everybody(), rooms in vec(0u32..20, 1..60)) {
        let there = rounds(&mut Fair::default(), &asking, &rooms);
        let turned: Vec<Asking> = asking.iter().rev().copied().collect();
        let back = rounds(&mut Fair::default(), &turned, &rooms);
        let (there, back) = (sums(&there, &asking, |a| a.workspace), sums(&back, &asking, |a| a.workspace));
        prop_assert!(there.iter().all(|(workspace, n)| n.abs_diff(back[workspace]) <= 1));
    }
}

#[test]
fn what_nobody_is_due_for_goes_to_the_others_in_the_same_round() {
    let all = [asking(1, 1, 1, 1.0), asking(1, 1, 2, 1.0), asking(2, 1, 1, 1.0)];
    let mut fair = Fair::default();
    let mut totals = [0; 3];
    for _ in 0..10 {
        let mut round = fair.round(&all);
        let first = sums(&round.deal(&room(&all, 12)), &all, |a| a.campaign);
        assert_eq!(all.map(|a| first[&a.campaign]), [3, 3, 6]);
        round.took(&all[0], 3, 0);
        let second = sums(&round.deal(&room(&all, 3)), &all, |a| a.campaign);
        assert_eq!(all.map(|a| second[&a.campaign]), [0, 3, 0], "it is still its workspace's");
        all.iter().zip(&mut totals).for_each(|(a, n)| *n += first[&a.campaign] + second[&a.campaign]);
    }
    assert_eq!(totals, [30, 60, 60]);
    // It saved up nothing meanwhile.
    let calls = sums(&fair.round(&all).deal(&room(&all, 12)), &all, |a| a.campaign);
    assert_eq!(all.map(|a| calls[&a.campaign]), [3, 3, 6]);
}

#[test]
fn whoever_took_more_pays_for_it() {
    let all = [asking(1, 1, 1, 1.0), asking(2, 1, 1, 1.0)];
    let mut fair = Fair::default();
    let mut round = fair.round(&all);
    assert_eq!(round.deal(&room(&all, 10)).len(), 2);
    round.took(&all[0], 5, 9);
    let calls = sums(&fair.round(&all).deal(&room(&all, 10)), &all, |a| a.workspace);
    assert_eq!(all.map(|a| calls[&a.workspace]), [3, 7]);
}

#[test]
fn a_slow_trunk_is_shared_by_weight_whatever_goes_on_beside_it() {
    let all = [asking(1, 1, 1, 1.0), asking(1, 1, 2, 3.0), asking(1, 2, 1, 1.0), asking(2, 1, 1, 1.0)];
    let mut fair = Fair::default();
    let mut calls = Vec::new();
    for n in 0..400 {
        // It has room for one call in every other round.
        let mut room = room(&all, 20);
        room.lines.insert(all[0].lines, n % 2);
        calls.extend(fair.round(&all).deal(&room));
    }
    let calls = sums(&calls, &all, |a| a.campaign);
    assert_eq!(all.map(|a| calls[&a.campaign]), [50, 150, 3800, 4000]);
}
