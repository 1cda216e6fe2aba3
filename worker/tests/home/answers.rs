//! Answers that are lost on their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pinksync_common::store;
use pinksync_engine::ErrorKind;
use pinksync_engine::home::{Home, Settled};
use pinksync_model::SessionId;
use pinksync_worker::home::PgHome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::database::Database;
use crate::made::{DATASET, chunk, counting};

/// A way to the server on which the next answer can be lost, with the connection.
struct Way {
    port: u16,
    losses: Arc<Losses>,
}

#[derive(Default)]
struct Losses {
    next: AtomicBool,
    of_commit: AtomicBool,
}

impl Way {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, losses) = (listener.local_addr().unwrap().port(), Arc::new(Losses::default()));
        let losing = Arc::clone(&losses);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(carry(client, server, Arc::clone(&losing)));
            }
        });
        Self { port, losses }
    }

    fn lose_the_next_answer(&self) {
        self.losses.next.store(true, Ordering::SeqCst);
    }

    fn lose_the_answer_to_a_commit(&self) {
        self.losses.of_commit.store(true, Ordering::SeqCst);
    }
}

async fn carry(client: TcpStream, server: TcpStream, losses: Arc<Losses>) {
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let asked = Arc::clone(&losses);
    let asking = tokio::spawn(async move {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from_client.read(&mut bytes).await {
            let commits = bytes[..count].windows(6).any(|word| word == b"COMMIT");
            if commits && asked.of_commit.swap(false, Ordering::SeqCst) {
                asked.next.store(true, Ordering::SeqCst);
            }
            if to_server.write_all(&bytes[..count]).await.is_err() {
                break;
            }
        }
    });
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from_server.read(&mut bytes).await {
        if losses.next.swap(false, Ordering::SeqCst) || to_client.write_all(&bytes[..count]).await.is_err() {
            break;
        }
    }
    asking.abort();
}

/// A home whose way to the server is lossy, with statements prepared and one connection.
async fn home(database: &Database, session: SessionId) -> (PgHome, Way) {
    let (before, rest) = database.metadata.url.split_once('@').unwrap();
    let (server, name) = rest.split_once('/').unwrap();
    let way = Way::to(server.to_owned()).await;
    let url = format!("{before}@127.0.0.1:{}/{name}", way.port);
    let scope = database.task(database.sync().await).await;
    let home = PgHome::new(store::connect(&url, None, "test", 1).unwrap(), scope);
    home.journal(&chunk(session, &[1])).await.unwrap();
    home.settle(session, DATASET, &counting(1)).await.unwrap().done("settle").unwrap();
    (home, way)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_whose_answer_was_lost_does_not_stand_beside_its_successor() {
    let database = Database::new().await;
    let session = SessionId::new();
    let (home, way) = home(&database, session).await;
    way.lose_the_next_answer();
    let error = home.journal(&chunk(session, &[2])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
    assert_eq!(database.value::<i64>("SELECT count(*) FROM journal").await, 2, "it was stored");
    let id = home.journal(&chunk(session, &[2])).await.unwrap();
    let pending = home.pending(DATASET, None, usize::MAX).await.unwrap();
    assert_eq!(pending.len(), 2);
    assert_eq!(pending[1], (id, chunk(session, &[2])));
    assert_eq!(database.value::<i64>("SELECT count(*) FROM journal_entries").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_lost_before_the_commit_is_told_apart() {
    let database = Database::new().await;
    let session = SessionId::new();
    let (home, way) = home(&database, session).await;
    way.lose_the_next_answer();
    let error = home.settle(session, DATASET, &counting(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert_eq!(home.settle(session, DATASET, &counting(4)).await.unwrap(), Settled::Done);
    assert_eq!(home.counted(session).await.unwrap()[0].1.read.source, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_an_answer_may_have_happened() {
    let database = Database::new().await;
    let session = SessionId::new();
    let (home, way) = home(&database, session).await;
    way.lose_the_answer_to_a_commit();
    let error = home.settle(session, DATASET, &counting(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{error}");
    assert_eq!(home.counted(session).await.unwrap()[0].1.read.source, 3);
}
