use std::{future::Future, sync::Arc};

use ringfleet_core::net::Guard;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_tungstenite::accept_async;

use super::{
    super::{AgentAt, Connector},
    *,
};
use crate::media::FRAME;

const DEADLINE: Duration = Duration::from_secs(10);

/// The agent's end.
struct Agent(tokio_tungstenite::WebSocketStream<tokio::net::TcpStream>);

impl Agent {
    /// The next message that is none of the protocol's own.
    async fn hear(&mut self) -> Value {
        loop {
            match timeout(DEADLINE, self.0.next()).await.unwrap().unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(_) => return json!("closed"),
                _ => {}
            }
        }
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::Text(message.to_string().into())).await.unwrap();
    }

    async fn greeted(&mut self) -> Value {
        assert_eq!(self.hear().await["event"], "connected");
        self.hear().await
    }
}

/// A call that is handed over.
struct Call {
    playout: Arc<Playout>,
    frames: mpsc::Sender<HeardFrame>,
    news: mpsc::Sender<News>,
    wishes: mpsc::Receiver<TransferName>,
    over: CancellationToken,
    task: JoinHandle<Gone>,
}

fn call(port: u16) -> Call {
    let guard = Guard::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
    let url: Url = format!("ws://127.0.0.1:{port}/talk?a=1").parse().unwrap();
    let to = Handover {
        at: AgentAt::WebSocket(url.clone()),
        parameters: [("name".to_owned(), "Ana".to_owned())].into(),
        call: "ses_1".into(),
        account: "ws_1".into(),
        connector: Arc::new(Connector::new(guard)),
    };
    let (playout, over) = (Arc::new(Playout::default()), CancellationToken::new());
    let ((frames, heard), (news, told)) = (mpsc::channel(8), mpsc::channel(8));
    let (wish, wishes) = mpsc::channel(8);
    let (commands, _) = mpsc::unbounded_channel(); // a program presses no keys
    let ends = Ends {
        playout: playout.clone(),
        frames: heard,
        news: told,
        commands,
        wishes: wish,
        answered: oneshot::channel().0,
    };
    let task = tokio::spawn(hand_over(url, to, ends, over.clone()));
    Call { playout, frames, news, wishes, over, task }
}

async fn gone(call: Call) -> Gone {
    timeout(DEADLINE, call.task).await.unwrap().unwrap()
}

/// A call, and the agent who does this with it.
async fn with_agent<F: Future<Output = ()> + Send + 'static>(
    act: impl FnOnce(Agent) -> F + Send + 'static,
) -> (Call, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let agent = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        act(Agent(accept_async(tcp).await.unwrap())).await;
    });
    (call(port), agent)
}

#[tokio::test]
async fn both_directions_keys_marks_and_the_end_travel() {
    let (tell_all, all_heard) = oneshot::channel();
    let (call, agent) = with_agent(|mut agent| async move {
        let start = agent.greeted().await;
        assert_eq!(start["start"]["customParameters"], json!({"name": "Ana"}));
        assert_eq!(start["start"]["callSid"], "ses_1");
        let mut heard = Vec::new();
        while heard.len() < 2 {
            heard.push(agent.hear().await);
        }
        heard.sort_by_key(|message| message["event"].to_string());
        assert_eq!(heard[0]["dtmf"]["digit"], "5");
        assert_eq!(
            (&heard[1]["media"]["timestamp"], &heard[1]["media"]["chunk"]),
            (&json!("60"), &json!("1"))
        );
        let payload = heard[1]["media"]["payload"].clone();
        agent.say(json!({"event": "media", "media": {"payload": payload}})).await;
        agent.say(json!({"event": "mark", "mark": {"name": "said"}})).await;
        assert_eq!(agent.hear().await["mark"]["name"], "said");
        agent.say(json!({"event": "media", "media": {"payload": payload}})).await;
        agent.say(json!({"event": "mark", "mark": {"name": "thrown away"}})).await;
        agent.say(json!({"event": "clear"})).await;
        assert_eq!(agent.hear().await["mark"]["name"], "thrown away");
        tell_all.send(()).unwrap();
        assert_eq!(agent.hear().await["event"], "stop");
        assert_eq!(agent.hear().await, "closed");
    })
    .await;
    call.news.send(News::Key('5')).await.unwrap();
    call.frames.send((3, [7; FRAME])).await.unwrap();
    while call.playout.is_empty() {
        tokio::task::yield_now().await;
    }
    call.playout.frame(); // the first is played, and its mark comes back; the second is thrown away unplayed
    timeout(DEADLINE, all_heard).await.unwrap().unwrap();
    call.over.cancel();
    assert_eq!(gone(call).await, Gone::Left);
    timeout(DEADLINE, agent).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_wish_to_hand_on_is_heard_and_its_failure_told() {
    let (mut call, agent) = with_agent(|mut agent| async move {
        agent.greeted().await;
        agent.say(json!({"event": "transfer", "transfer": {"to": "two words"}})).await;
        agent.say(json!({"event": "transfer", "transfer": {"to": "sales"}})).await;
        let told = agent.hear().await;
        assert_eq!(told["transfer"], json!({"to": "sales", "status": "failed"}));
    })
    .await;
    let sales: TransferName = "sales".parse().unwrap();
    assert_eq!(
        timeout(DEADLINE, call.wishes.recv()).await.unwrap(),
        Some(sales.clone()),
        "the only one that is a name"
    );
    call.news.send(News::NotTransferred(sales)).await.unwrap();
    timeout(DEADLINE, agent).await.unwrap().unwrap();
}

#[tokio::test]
async fn who_refuses_or_goes_at_once_was_never_there() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_eq!(gone(call(closed)).await, Gone::Unreachable);
    let (call, _agent) = with_agent(|mut agent| async move { agent.0.close(None).await.unwrap() }).await;
    assert_eq!(gone(call).await, Gone::Unreachable);
}

#[tokio::test]
async fn what_an_agent_said_is_played_before_its_call_ends() {
    let (call, _agent) = with_agent(|mut agent| async move {
        agent.greeted().await;
        agent.say(json!({"event": "media", "media": {"payload": "/w=="}})).await;
        agent.say(json!({"event": "nonsense"})).await;
        agent.0.send(Message::Text("{".into())).await.unwrap();
        agent.0.close(None).await.unwrap();
    })
    .await;
    while call.playout.is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    assert!(!call.task.is_finished(), "it has not been played");
    call.playout.frame();
    assert_eq!(gone(call).await, Gone::Left, "it had something to say");
}

#[tokio::test]
async fn who_talked_and_whose_connection_breaks_is_lost() {
    let (call, agent) = with_agent(|mut agent| async move {
        agent.greeted().await;
        agent.say(json!({"event": "media", "media": {"payload": "/w=="}})).await;
    })
    .await;
    agent.await.unwrap(); // the connection goes with it, without a goodbye
    while call.playout.is_empty() {
        tokio::task::yield_now().await;
    }
    call.playout.frame();
    assert_eq!(gone(call).await, Gone::Lost);
}
