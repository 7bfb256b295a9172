//! Listeners in memory under a paused clock: every timeout is exact, and nothing waits for real.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use pipeline::Budget;
use pipeline::component::Stop;
use pipeline::outside::{Connection, Listener, Outside};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::limits::{BODY_GRACE, NEWCOMER_MAX, STOP_GRACE};
use super::*;
use crate::page::{self, Page};

/// Hands out the far ends of pipes.
struct Pipes(tokio::sync::Mutex<mpsc::Receiver<DuplexStream>>);

impl Listener for Pipes {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Box<dyn Connection>, Option<SocketAddr>)>> {
        Box::pin(async {
            match self.0.lock().await.recv().await {
                Some(pipe) => Ok((Box::new(pipe) as Box<dyn Connection>, None)),
                None => std::future::pending().await,
            }
        })
    }

    fn local_addr(&self) -> Option<SocketAddr> {
        None
    }
}

/// Reads bodies and says how that went; `/panic` panics, `/wait` waits for ever.
struct Echo {
    budget: Budget,
    said: Mutex<Vec<String>>,
}

impl Handler for Echo {
    async fn handle(self: Arc<Self>, request: Request<Incoming>, _peer: Peer) -> Response<Reply> {
        let path = request.uri().path().to_owned();
        assert!(path != "/panic", "as asked");
        if path == "/wait" {
            std::future::pending::<()>().await;
        }
        let mut intake = Intake::new(request.into_body());
        let mut credit = self.budget.admit(0).unwrap();
        let read = intake.whole(100_000, &mut credit).await;
        let said = read.map_or_else(|error| error.to_string(), |body| format!("{} bytes", body.len()));
        self.said.lock().unwrap().push(said.clone());
        Response::new(Reply::of(said))
    }

    fn panicked(&self, _grpc: bool) -> Response<Reply> {
        let mut response = Response::new(Reply::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }
}

struct Rig {
    pipes: mpsc::Sender<DuplexStream>,
    echo: Arc<Echo>,
    stop: Stop,
    serving: JoinHandle<()>,
}

impl Rig {
    fn start(rules: Rules) -> Self {
        let (pipes, accepting) = mpsc::channel(16);
        let echo = Arc::new(Echo {
            budget: Budget::new(1_000_000),
            said: Mutex::default(),
        });
        let stop = Stop::new();
        let listener = Box::new(Pipes(tokio::sync::Mutex::new(accepting)));
        let server = Server::on(listener, rules, &Outside::system());
        let serving = tokio::spawn(server.serve(Arc::clone(&echo), stop.clone()));
        Self {
            pipes,
            echo,
            stop,
            serving,
        }
    }

    async fn connect(&self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(64 * 1024);
        self.pipes.send(far).await.unwrap();
        near
    }

    async fn client(&self) -> http1::SendRequest<Full<Bytes>> {
        let (sender, connection) = http1::handshake(TokioIo::new(self.connect().await)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).header("host", "here").body(Full::default()).unwrap()
}

/// What arrives until the other side closes, and how long that took.
async fn until_closed(mut stream: DuplexStream) -> (String, Duration) {
    let begun = Instant::now();
    let mut arrived = Vec::new();
    stream.read_to_end(&mut arrived).await.unwrap();
    (String::from_utf8_lossy(&arrived).into_owned(), begun.elapsed())
}

fn close_to(found: Duration, expected: Duration) -> bool {
    found >= expected && found < expected + Duration::from_millis(100)
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_its_request_only() {
    let rig = Rig::start(Rules::default());
    let mut client = rig.client().await;

    let panicked = client.send_request(get("/panic")).await.unwrap().status();
    let next = client.send_request(get("/")).await.unwrap().status();

    assert_eq!((panicked, next), (StatusCode::INTERNAL_SERVER_ERROR, StatusCode::OK));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_arriving_is_given_up_and_its_memory_given_back() {
    let rig = Rig::start(Rules::default());
    let mut stream = rig.connect().await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 90000\r\n\r\nhello")
        .await
        .unwrap();

    let (answer, elapsed) = until_closed(stream).await;

    assert!(answer.contains("more slowly than"), "{answer}");
    assert!(close_to(elapsed, BODY_GRACE), "{elapsed:?}");
    assert_eq!(rig.echo.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_at_a_walking_pace_is_read_to_its_end() {
    let rig = Rig::start(Rules::default());
    let mut stream = rig.connect().await;
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 90000\r\n\r\n")
        .await
        .unwrap();
    for _ in 0..9 {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stream.write_all(&[b'x'; 10_000]).await.unwrap();
    }

    let (answer, _) = until_closed(stream).await;

    assert!(answer.ends_with("90000 bytes"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_body_larger_than_allowed_is_refused_however_it_comes() {
    let rig = Rig::start(Rules::default());
    let mut announced = rig.connect().await;
    announced
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100001\r\n\r\n")
        .await
        .unwrap();
    let mut chunked = rig.connect().await;
    chunked
        .write_all(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n186A1\r\n")
        .await
        .unwrap();
    let sending = tokio::spawn(async move {
        // The other side closes before everything is written.
        let _ = chunked.write_all(&vec![b'x'; 100_001]).await;
        until_closed(chunked).await.0
    });

    assert!(until_closed(announced).await.0.contains("larger than 100000 bytes"));
    assert!(sending.await.unwrap().contains("larger than 100000 bytes"));
}

#[tokio::test(start_paused = true)]
async fn a_body_of_unknown_length_is_charged_as_it_grows() {
    let rig = Rig::start(Rules::default());
    let held = rig.echo.budget.admit(1_000_000 - 50_000).unwrap();
    let mut stream = rig.connect().await;
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let chunk = [b"2710\r\n".as_slice(), &[b'x'; 10_000], b"\r\n"].concat();
    // The other side closes when it has no memory for more.
    while stream.write_all(&chunk).await.is_ok() {
        tokio::task::yield_now().await;
    }

    let mut answer = vec![0; 1_000];
    let length = stream.read(&mut answer).await.unwrap();

    assert!(String::from_utf8_lossy(&answer[..length]).contains("memory limit reached"));
    drop(held);
    assert_eq!(rig.echo.budget.used(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_cut_when_its_time_to_speak_is_over() {
    let header_max = Duration::from_secs(7);
    let rig = Rig::start(Rules {
        header_max,
        ..Rules::default()
    });

    let (_, elapsed) = until_closed(rig.connect().await).await;

    assert!(close_to(elapsed, header_max), "{elapsed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_asks_is_closed_after_five_minutes() {
    let rig = Rig::start(Rules::default());
    let mut stream = rig.connect().await;
    // The preface of HTTP/2 and empty settings, and then nothing.
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();

    let (_, elapsed) = until_closed(stream).await;

    assert!(
        elapsed >= NEWCOMER_MAX && elapsed <= NEWCOMER_MAX + STOP_GRACE + Duration::from_secs(1),
        "{elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_after_its_last_request() {
    let idle_max = Duration::from_secs(30);
    let rig = Rig::start(Rules {
        idle_max: Some(idle_max),
        ..Rules::default()
    });
    let mut client = rig.client().await;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(20)).await;
        client
            .send_request(get("/"))
            .await
            .unwrap()
            .into_body()
            .collect()
            .await
            .unwrap();
    }

    let begun = Instant::now();
    while client.ready().await.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    assert!(close_to(begun.elapsed(), idle_max), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn connections_beyond_the_cap_are_closed_and_the_others_go_on() {
    let rig = Rig::start(Rules {
        connections_max: 2,
        ..Rules::default()
    });
    let mut first = rig.client().await;
    let _second = rig.client().await;
    assert_eq!(first.send_request(get("/")).await.unwrap().status(), StatusCode::OK);

    let (answer, elapsed) = until_closed(rig.connect().await).await;

    assert_eq!((answer.as_str(), elapsed), ("", Duration::ZERO));
    assert_eq!(first.send_request(get("/")).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_does_not_hold_up_the_end() {
    let rig = Rig::start(Rules::default());
    let mut client = rig.client().await;
    let waiting = tokio::spawn(async move { client.send_request(get("/wait")).await.map(drop) });
    tokio::time::sleep(Duration::from_secs(1)).await;

    let begun = Instant::now();
    rig.stop.cancel();
    rig.serving.await.unwrap();

    assert!(close_to(begun.elapsed(), STOP_GRACE), "{:?}", begun.elapsed());
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_page_is_for_reading_only() {
    let (pipes, accepting) = mpsc::channel(1);
    let listener = Box::new(Pipes(tokio::sync::Mutex::new(accepting)));
    let stop = Stop::new();
    let outside = Outside::system();
    let pages = |path: &str| {
        if path == "/metrics" {
            Page::ok("text/plain", "up 1\n")
        } else {
            Page::not_found()
        }
    };
    let serving = tokio::spawn({
        let stop = stop.clone();
        async move { page::serve(listener, &outside, pages, stop).await }
    });
    let (near, far) = tokio::io::duplex(64 * 1024);
    pipes.send(far).await.unwrap();
    let (mut client, connection) = http1::handshake(TokioIo::new(near)).await.unwrap();
    tokio::spawn(connection);

    let found = client.send_request(get("/metrics")).await.unwrap();
    assert_eq!(found.headers()["content-type"], "text/plain");
    assert_eq!(found.into_body().collect().await.unwrap().to_bytes(), "up 1\n");
    assert_eq!(
        client.send_request(get("/")).await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
    let posted = Request::post("/metrics")
        .header("host", "here")
        .body(Full::default())
        .unwrap();
    let posted = client.send_request(posted).await.unwrap();
    assert_eq!(
        (posted.status(), &posted.headers()["allow"]),
        (StatusCode::METHOD_NOT_ALLOWED, &"GET, HEAD".parse().unwrap())
    );
    stop.cancel();
    serving.await.unwrap();
}

#[test]
fn a_retry_delay_is_rounded_up_to_whole_seconds() {
    assert_eq!(retry_after(Duration::from_millis(1)), "1");
    assert_eq!(retry_after(Duration::from_millis(2_001)), "3");
    assert_eq!(retry_after(Duration::ZERO), "1");
}

#[tokio::test(start_paused = true)]
async fn a_head_larger_than_sixteen_kibibytes_is_refused() {
    let rig = Rig::start(Rules::default());
    let mut stream = rig.connect().await;
    let head = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nx-large: {}\r\n\r\n",
        "x".repeat(16 * 1024)
    );
    stream.write_all(head.as_bytes()).await.unwrap();

    let (answer, _) = until_closed(stream).await;

    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn the_protocol_is_told_however_the_first_bytes_are_cut() {
    let rig = Rig::start(Rules::default());
    let http1 = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for (bytes, answers) in [(&http1[..], &b"HTTP/1.1 200"[..]), (&http2[..], &[0, 0][..])] {
        let mut stream = rig.connect().await;
        for byte in bytes {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut answer = vec![0; answers.len()];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, answers);
    }
}

#[tokio::test]
async fn a_server_may_be_bound_without_waiting_and_says_what_to_do_about_a_port_in_use() {
    let outside = Outside::system();
    let bind = |endpoint: &str| Server::bind_now(Transport::Tcp, endpoint, None, Rules::default(), &outside);

    let server = bind("localhost:0").unwrap();
    let taken = server.local_addr().unwrap();
    let problem = bind(&taken.to_string()).err().unwrap().to_string();

    assert!(taken.ip().is_loopback());
    assert!(problem.contains("another process listens there"), "{problem}");
}

#[tokio::test]
async fn a_socket_that_a_killed_process_left_is_taken_over_without_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("left.sock");
    let outside = Outside::system();
    let bind = || {
        Server::bind_now(
            Transport::Unix,
            path.to_str().unwrap(),
            None,
            Rules::default(),
            &outside,
        )
    };
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());

    let server = bind().unwrap();

    assert!(bind().is_err(), "somebody answers there now");
    drop(server);
}
