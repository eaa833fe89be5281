//! A call in the hands of a person at a telephone: what the callee hears while that rings, and the two directions afterwards.

use std::{convert::Infallible, sync::Arc};

use tokio::sync::mpsc;

use super::{Ends, FRAMES, News};
use crate::media::{Codec, Command, Event, Lead, Playout, tone};

/// Lets the callee hear that it rings; what the callee says and presses meanwhile is heard by nobody. Until it is dropped.
pub(crate) async fn ringing(ends: &mut Ends) -> Infallible {
    let ringback: Vec<u8> = tone::ringback().iter().map(|sample| Codec::Pcmu.encode(*sample)).collect();
    loop {
        if ends.playout.is_empty() {
            ends.playout.push(&ringback);
        }
        tokio::select! {
            () = ends.playout.changed() => {}
            Some(_) = ends.frames.recv() => {}
            Some(_) = ends.news.recv() => {}
        }
    }
}

/// Carries audio and keys between the callee and the telephone at the other end of `agent`, until it is dropped. Both have a clock of 20 ms
/// and hide the jitter of their own network.
pub(crate) async fn relay(ends: Ends, agent: Lead) -> Infallible {
    let Ends { playout, mut frames, mut news, commands, answered, .. } = ends;
    let Lead { mut events, commands: to_agent } = agent;
    let (for_agent, (tell_frames, mut said)) = (Arc::new(Playout::default()), mpsc::channel(FRAMES));
    playout.clear(); // it rings no more
    let _ = answered.send(()); // an agent's telephone is waited for by nobody
    // Each session ends before this does only when its call is over.
    let _ = to_agent.send(Command::Bridge(for_agent.clone(), tell_frames));
    loop {
        tokio::select! {
            Some((_, frame)) = frames.recv() => for_agent.push_live(&frame),
            Some((_, frame)) = said.recv() => playout.push_live(&frame),
            Some(told) = news.recv() => if let News::Key(key) = told {
                let _ = to_agent.send(Command::Press(key));
            },
            Some(event) = events.recv() => if let Event::Key(key) = event {
                let _ = commands.send(Command::Press(key));
            },
            else => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{sync::oneshot, time::timeout};

    use super::*;
    use crate::media::{FRAME, HeardFrame};

    const DEADLINE: Duration = Duration::from_secs(10);

    /// The call's side of a handover.
    struct Call {
        playout: Arc<Playout>,
        frames: mpsc::Sender<HeardFrame>,
        news: mpsc::Sender<News>,
        told: mpsc::UnboundedReceiver<Command>,
    }

    fn call() -> (Call, Ends) {
        let playout = Arc::new(Playout::default());
        let ((frames, heard), (news, heard_news)) = (mpsc::channel(8), mpsc::channel(8));
        let (commands, told) = mpsc::unbounded_channel();
        let ends = Ends {
            playout: playout.clone(),
            frames: heard,
            news: heard_news,
            commands,
            wishes: mpsc::channel(1).0,
            answered: oneshot::channel().0,
        };
        (Call { playout, frames, news, told }, ends)
    }

    async fn pressed(told: &mut mpsc::UnboundedReceiver<Command>) -> char {
        match timeout(DEADLINE, told.recv()).await.unwrap().unwrap() {
            Command::Press(key) => key,
            other => panic!("{other:?}"),
        }
    }

    async fn played(playout: &Playout) -> i16 {
        let some = async {
            while playout.is_empty() {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, some).await.unwrap();
        playout.frame()[0]
    }

    #[tokio::test]
    async fn both_directions_and_keys_are_carried() {
        let (mut call, ends) = call();
        call.playout.push(&[0; 8_000]); // it rang
        let (tell_events, events) = mpsc::unbounded_channel();
        let (commands, mut told) = mpsc::unbounded_channel();
        let carrying = tokio::spawn(relay(ends, Lead { events, commands }));
        let Command::Bridge(for_agent, said) = timeout(DEADLINE, told.recv()).await.unwrap().unwrap() else {
            panic!("no bridge")
        };
        assert!(call.playout.is_empty(), "it rings no more");
        let (ours, theirs) = (Codec::Pcmu.encode(1000), Codec::Pcmu.encode(-2000));
        call.frames.send((0, [ours; FRAME])).await.unwrap();
        assert_eq!(played(&for_agent).await, Codec::Pcmu.decode(ours));
        said.send((0, [theirs; FRAME])).await.unwrap();
        assert_eq!(played(&call.playout).await, Codec::Pcmu.decode(theirs));
        call.news.send(News::Key('4')).await.unwrap();
        assert_eq!(pressed(&mut told).await, '4');
        tell_events.send(Event::Beep).unwrap();
        tell_events.send(Event::Key('7')).unwrap();
        assert_eq!(pressed(&mut call.told).await, '7');
        carrying.abort();
    }

    #[tokio::test]
    async fn it_rings_again_and_again_and_the_end_of_a_call_is_survived() {
        let (call, mut ends) = call();
        let ringing = tokio::spawn(async move { ringing(&mut ends).await });
        for _ in 0..2 {
            let mut loudest = 0;
            played(&call.playout).await;
            while !call.playout.is_empty() {
                loudest = call.playout.frame().iter().fold(loudest, |most, sample| most.max(sample.abs()));
            }
            assert!(loudest > 1000, "{loudest}");
        }
        drop((call.frames, call.news));
        played(&call.playout).await;
        ringing.abort();
    }
}
