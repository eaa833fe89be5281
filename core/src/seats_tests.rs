use proptest::prelude::*;

use super::*;

fn seats(call_ratio: f64) -> Seats {
    Seats { count: 20, call_ratio, abandonment: Abandonment::default() }
}

/// So many answers of which the first ones were abandoned.
fn answers(answered: u64, abandoned: u64) -> Answers {
    let mut answers = Answers::default();
    (0..answered).for_each(|nth| answers.add(nth < abandoned, WINDOW));
    answers
}

#[test]
fn what_is_left_out_is_one_call_for_each_free_seat_and_the_usual_brake() {
    let read = |json| serde_json::from_str::<Seats>(json);
    assert_eq!(read(r#"{"count": 20}"#).unwrap(), seats(1.0));
    assert_eq!(read(r#"{"count": 20, "callRatio": 1.5, "abandonment": {}}"#).unwrap(), seats(1.5));
    assert!(read("{}").is_err());
    assert_eq!(seats(1.0).validate(), Ok(()));
}

#[test]
fn a_broken_rule_is_named() {
    let wrong = |seats: Seats| seats.validate().unwrap_err().0;
    let brake =
        |from, halved_at, after| Seats { abandonment: Abandonment { from, halved_at, after }, ..seats(1.0) };
    for count in [0, 10_001] {
        assert_eq!(wrong(Seats { count, ..seats(1.0) }), "seats.count");
    }
    for ratio in [0.99, 10.01, f64::NAN] {
        assert_eq!(wrong(seats(ratio)), "seats.callRatio");
    }
    for from in [-0.1, 1.1, f64::NAN] {
        assert_eq!(wrong(brake(from, 1.0, 30)), "seats.abandonment.from");
    }
    for halved_at in [0.02, 1.1, f64::NAN] {
        assert_eq!(wrong(brake(0.03, halved_at, 30)), "seats.abandonment.halvedAt");
    }
    for after in [0, 1_001] {
        assert_eq!(wrong(brake(0.03, 0.05, after)), "seats.abandonment.after");
    }
    assert_eq!(brake(0.0, 0.0, 1_000).validate(), Ok(()));
}

#[test]
fn the_ratio_falls_from_three_percent_and_is_halved_at_five() {
    let three = |answered, abandoned| seats(3.0).ratio(&answers(answered, abandoned)).get();
    assert_eq!(three(29, 29), 3.0, "too few answers");
    assert_eq!(three(30, 0), 3.0);
    assert_eq!(three(200, 6), 3.0, "3 %");
    assert_eq!(three(200, 7), 2.62, "3.5 %, a quarter of the way, rounded down");
    assert_eq!(three(200, 8), 2.25, "half of the way");
    assert_eq!(three(200, 10), 1.5);
    assert_eq!(three(30, 30), 1.5);
    assert_eq!(three(1_000, 30), 3.0, "long ago");
    let least = |ratio| seats(ratio).ratio(&answers(30, 30));
    assert_eq!(least(1.5), Ratio::ONE, "half would be less than one");
    assert_eq!(least(2.5).get(), 1.25);
}

#[test]
fn a_step_is_a_line_without_length() {
    let step = Seats { abandonment: Abandonment { from: 0.05, halved_at: 0.05, after: 1 }, ..seats(4.0) };
    assert_eq!(step.ratio(&answers(100, 4)).get(), 4.0);
    assert_eq!(step.ratio(&answers(100, 5)).get(), 2.0);
}

#[test]
fn calls_are_counted_in_whole_ones() {
    assert_eq!([0, 1, 2, 3, 20].map(|free| Ratio::new(1.5).dialing(free)), [0, 1, 3, 4, 30]);
    assert_eq!(Ratio::new(1.15).dialing(100), 115);
    assert_eq!(Ratio::new(0.5), Ratio::ONE);
    assert_eq!(Ratio::new(10.0).dialing(u32::MAX), u32::MAX);
    let live = |busy| Ratio::new(1.5).live(20, busy);
    assert_eq!([0, 10, 19, 20].map(live), [30, 25, 20, 20]);
    assert_eq!(live(25), 20, "whoever counts one too many makes no room by it");
}

proptest! {
    /// The same as looking back over all answers, after each of them; and only what is looked at is kept.
    #[test]
    fn the_share_is_that_of_the_last_answers(all in proptest::collection::vec(any::<bool>(), 1..500), window in 1u32..300) {
        let mut answers = Answers::default();
        for (nth, &abandoned) in all.iter().enumerate() {
            answers.add(abandoned, window);
            let last = &all[(nth + 1).saturating_sub(window as usize)..=nth];
            let share = last.iter().filter(|abandoned| **abandoned).count() as f64 / last.len() as f64;
            prop_assert_eq!(answers.share(window), Some(share));
            prop_assert!(answers.last.len() <= window as usize);
        }
        prop_assert_eq!(answers.abandoned, all.iter().filter(|abandoned| **abandoned).count() as u64);
    }

    /// Between half and the whole, never below one, and never more after more abandoned calls.
    #[test]
    fn the_brake_only_slows_down(ratio in 1.0f64..=10.0, from in 0.0f64..1.0, more in 0.0f64..1.0, after in 1u32..300, n in 1u64..400) {
        let halved_at = from + (1.0 - from) * more;
        let seats = Seats { abandonment: Abandonment { from, halved_at, after }, ..seats(ratio) };
        prop_assert_eq!(seats.validate(), Ok(()));
        let mut before = Ratio::new(ratio);
        for abandoned in (0..=n).step_by(7) {
            let mut answers = Answers::default();
            (0..n).for_each(|nth| answers.add(nth >= n - abandoned, seats.window()));
            let now = seats.ratio(&answers);
            prop_assert!(now <= before && now >= Ratio::ONE && now >= Ratio::new(ratio / 2.0));
            before = now;
        }
    }

    /// One call for each free seat: whatever is answered and whatever ends, a seat is free for whoever picks up.
    #[test]
    fn with_a_ratio_of_one_nobody_is_abandoned(count in 1u32..30, steps in proptest::collection::vec(0u8..4, 1..300)) {
        let (mut dialing, mut busy) = (0u32, 0u32);
        for step in steps {
            match step {
                0 if dialing + busy < Ratio::ONE.live(count, busy) => dialing += 1,
                1 if dialing > 0 => {
                    prop_assert!(busy < count, "abandoned");
                    (dialing, busy) = (dialing - 1, busy + 1);
                }
                2 => dialing = dialing.saturating_sub(1),
                3 => busy = busy.saturating_sub(1),
                _ => {}
            }
            prop_assert!(dialing <= count - busy);
        }
    }

    #[test]
    fn a_free_seat_lets_a_call_go_and_no_free_seat_none(free in 0u32..20_000, ratio in 1.0f64..=10.0) {
        let dialing = Ratio::new(ratio).dialing(free);
        prop_assert!(dialing >= free && f64::from(dialing) <= ratio * f64::from(free) + 1e-3);
        prop_assert_eq!(dialing == 0, free == 0);
    }
}
