use proptest::prelude::*;

use super::*;
use crate::EndedBy;

fn at(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap()
}

fn call(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// A call that began at `begun` and says `evidence`.
fn report(n: u128, begun: i64, evidence: Evidence) -> Report<'static> {
    Report { call: call(n), begun: Some(at(begun)), evidence, reason: "why" }
}

fn paused(now: i64) -> Health {
    let mut health = Health::unknown();
    health.hear(report(1, now, Evidence::Trouble), 0, at(now));
    assert_eq!((health.state, health.until), (BrakeState::Paused, at(now + 5_000)));
    health
}

#[test]
fn rests_double_up_to_five_minutes() {
    let seconds: Vec<_> = (1..=9).map(|n| rest(n).num_seconds()).collect();
    assert_eq!(seconds, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
    assert_eq!(rest(u32::MAX), LONGEST_REST);
}

#[test]
fn what_endings_say() {
    let failed = |reason, code| evidence(&Ending::over(Outcome::Failed, reason, code, EndedBy::Carrier));
    assert_eq!(failed("auth", Some(401)), Evidence::Trouble);
    assert_eq!(failed("trunk_silent", None), Evidence::Trouble);
    assert_eq!(failed("forbidden", Some(403)), Evidence::TroublePerhaps);
    assert_eq!(failed("network", Some(500)), Evidence::TroublePerhaps);
    assert_eq!(failed("bad_number", Some(404)), Evidence::Fine);
    assert_eq!(failed("greeting_unusable", None), Evidence::None);
    let over = |outcome| evidence(&Ending::over(outcome, "network", Some(500), EndedBy::Carrier));
    for outcome in [Outcome::Answered, Outcome::Unanswered, Outcome::Rejected, Outcome::Voicemail] {
        assert_eq!(over(outcome), Evidence::Fine);
    }
    assert_eq!(over(Outcome::Uncertain), Evidence::None);
    let no_room = |code| {
        let retry_after = std::time::Duration::from_secs(1);
        evidence(&Ending::NoRoom { retry_after, reason: "trunk_busy".into(), code })
    };
    assert_eq!([no_room(Some(503)), no_room(None)], [Evidence::Fine, Evidence::None]);
    assert_eq!(evidence(&Ending::GivenUp { reason: "paused".into() }), Evidence::None);
}

#[test]
fn new_settings_are_tried_at_once() {
    let mut health = paused(0);
    health.pauses = 7;
    health.renew(at(100));
    assert_eq!((health.state, health.reason.as_deref(), health.pauses), (BrakeState::Paused, Some("why"), 1));
    assert!(health.take_probe(at(100)), "it need not rest any longer");
    health.probed(Ok(()), at(110));
    assert!(health.admit(call(2)));
    // Changed once more while a call of the old settings is on trial: that one says nothing.
    health.renew(at(120));
    health.hear(report(2, 115, Evidence::Fine), 0, at(130));
    assert_eq!((health.state, health.until), (BrakeState::Paused, at(120)));
    // Nor does one that began before them, where nothing was wrong.
    let mut health = Health::unknown();
    health.renew(at(0));
    health.hear(report(1, -1, Evidence::Trouble), 0, at(10));
    assert!(health.is_clean());
    health.stop("stopped", at(20));
    health.renew(at(30));
    assert_eq!(health.state, BrakeState::Stopped, "whoever stopped it, lets it go on");
}

#[test]
fn a_rest_a_probe_and_a_trial_open_it_again() {
    let mut health = paused(0);
    assert_eq!([health.room(9), u32::from(health.admit(call(2)))], [0, 0]);
    assert!(!health.take_probe(at(4_999)), "it rests");
    assert!(health.take_probe(at(5_000)) && !health.take_probe(at(5_001)), "one asks");
    health.probed(Ok(()), at(5_100));
    assert!(health.wants_trial());
    assert_eq!(health.room(9), 1);
    assert!(health.admit(call(3)) && health.admit(call(3)) && !health.admit(call(4)), "one call is on trial");
    assert_eq!(health.room(9), 0);
    health.hear(report(4, 5_200, Evidence::Fine), 0, at(5_300));
    assert_eq!(health.state, BrakeState::Trial, "an older call's good end proves nothing");
    health.hear(report(3, 5_200, Evidence::Fine), 0, at(5_400));
    assert!(health.is_clean() && health.since == at(5_400) && health.pauses == 0);
}

#[test]
fn each_failure_on_the_way_doubles_the_rest() {
    let mut health = paused(0);
    assert!(health.take_probe(at(5_000)));
    health.probed(Err("trunk_silent"), at(6_000));
    assert_eq!((health.state, health.until), (BrakeState::Paused, at(16_000)));
    assert!(health.take_probe(at(16_000)));
    assert!(health.take_probe(at(16_000) + PROBE_LEASE), "who asked has died: another one asks");
    health.probed(Ok(()), at(50_000));
    assert!(health.admit(call(7)));
    health.hear(report(7, 50_000, Evidence::TroublePerhaps), 0, at(50_100));
    assert_eq!((health.state, health.until), (BrakeState::Paused, at(70_100)));
    health.probed(Ok(()), at(50_200));
    assert_eq!(health.state, BrakeState::Paused, "the answer to an older probe comes too late");
}

#[test]
fn a_peer_that_answers_no_probe_gets_a_call_on_trial_after_the_longest_rest() {
    let (mut health, mut probes) = (paused(0), 0);
    while !health.wants_trial() {
        let due = health.until;
        assert!(health.take_probe(due));
        health.probed(Err("trunk_silent"), due);
        probes += 1;
    }
    assert_eq!((probes, health.pauses), (7, 7));
    assert!(health.admit(call(1)));
    health.hear(report(1, 0, Evidence::Trouble), 0, at(0));
    assert_eq!((health.state, health.until), (BrakeState::Paused, at(0) + LONGEST_REST));
}

#[test]
fn a_call_on_trial_that_says_nothing_makes_room_for_another() {
    let mut health = paused(0);
    assert!(health.take_probe(at(5_000)));
    health.probed(Ok(()), at(5_000));
    assert!(health.admit(call(7)));
    health.hear(Report { begun: None, ..report(7, 0, Evidence::None) }, 0, at(6_000));
    assert!(health.wants_trial() && health.until == at(6_000));
    assert!(health.admit(call(8)));
}

#[test]
fn one_bad_number_never_pauses_a_trunk() {
    let mut health = Health::unknown();
    for n in 0..1_000 {
        health.hear(report(1, n, Evidence::TroublePerhaps), 0, at(n));
    }
    assert!(health.is_open() && !health.is_clean());
}

#[test]
fn a_few_refusals_in_a_row_do_unless_others_get_through() {
    let refuse = |others: u32, calls: u128| {
        let mut health = Health::unknown();
        for n in 0..calls {
            health.hear(report(n, n as i64, Evidence::TroublePerhaps), others, at(n as i64));
        }
        health.state
    };
    assert_eq!([refuse(0, 4), refuse(0, 5)], [BrakeState::Open, BrakeState::Paused]);
    assert_eq!([refuse(20, 19), refuse(20, 20)], [BrakeState::Open, BrakeState::Paused]);
    let mut health = Health::unknown();
    for n in 0..4 {
        health.hear(report(n, 0, Evidence::TroublePerhaps), 0, at(10));
    }
    health.hear(report(50, 9, Evidence::Fine), 0, at(11));
    assert!(!health.is_clean(), "it began before the trouble");
    health.hear(report(51, 10, Evidence::Fine), 0, at(20));
    assert!(health.is_clean(), "it began after it");
    for n in 0..4 {
        health.hear(report(n, 30, Evidence::TroublePerhaps), 0, at(30));
    }
    let later = 31 + PERHAPS_WINDOW.num_milliseconds();
    health.hear(report(4, later, Evidence::TroublePerhaps), 0, at(later));
    assert!(health.is_open() && health.troubles == 1, "a minute later it is another story");
}

#[test]
fn what_began_before_it_opened_is_old_news() {
    let mut health = paused(0);
    assert!(health.take_probe(at(5_000)));
    health.probed(Ok(()), at(5_000));
    assert!(health.admit(call(3)));
    health.hear(report(3, 5_000, Evidence::Fine), 0, at(6_000));
    health.hear(report(4, -30_000, Evidence::Trouble), 0, at(7_000));
    assert!(health.is_clean());
    health.hear(Report { begun: None, ..report(5, 0, Evidence::Trouble) }, 0, at(7_000));
    assert!(health.is_clean());
}

proptest! {
    /// Whatever happens, at most one call is on trial, none begins while it rests or is stopped, and a rest never exceeds five minutes.
    #[test]
    fn nothing_begins_while_it_rests(steps in proptest::collection::vec((0u8..8, 0u128..8, 0i64..40_000), 1..200)) {
        let (mut health, mut now) = (Health::unknown(), 0);
        let mut begun_in_trial = None;
        for (what, n, later) in steps {
            now += later;
            let before = health.clone();
            match what {
                0 => {
                    let may = health.admit(call(n));
                    match before.state {
                        BrakeState::Open => prop_assert!(may),
                        BrakeState::Paused | BrakeState::Probing | BrakeState::Stopped => prop_assert!(!may),
                        BrakeState::Trial if may => {
                            prop_assert!(begun_in_trial.is_none_or(|first| first == n));
                            begun_in_trial = Some(n);
                        }
                        BrakeState::Trial => prop_assert!(begun_in_trial.is_some_and(|first| first != n)),
                    }
                }
                1 => drop(health.take_probe(at(now))),
                2 => health.probed(Ok(()), at(now)),
                3 => health.probed(Err("why"), at(now)),
                4 => health.hear(report(n, now, Evidence::Fine), 0, at(now)),
                5 if n == 0 => health.stop("somebody", at(now)),
                6 => prop_assert_eq!(health.go_on(at(now)), before.state == BrakeState::Stopped),
                _ => health.hear(report(n, now, Evidence::TroublePerhaps), 0, at(now)),
            }
            if health.state != BrakeState::Trial || health.trial.is_none() {
                begun_in_trial = None;
            }
            if health.state == BrakeState::Paused {
                prop_assert!(health.until - health.since <= LONGEST_REST && health.pauses > 0);
            }
            prop_assert_eq!(health.room(9), match health.state {
                BrakeState::Open => 9,
                BrakeState::Trial if health.trial.is_none() => 1,
                _ => 0,
            });
            // Nothing but whoever stopped it ends a stop.
            if before.state == BrakeState::Stopped {
                prop_assert!(what == 6 || what == 5 && n == 0 || health == before);
            }
            // Never from a rest to full flow without a probe and a trial.
            let was_stopped = before.state == BrakeState::Stopped && what == 6;
            if before.state != BrakeState::Open && health.is_open() && !was_stopped {
                prop_assert!(before.state == BrakeState::Trial && before.trial.is_some());
            }
        }
    }
}
