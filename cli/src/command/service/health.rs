//! `pinksync health`, and where worker and scheduler answer it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use pinksync_api::{Needs, QueueState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::start::Process;
use crate::exit::Exit;
use crate::failure::Failure;

/// How long a healthy process may take to answer.
const WITHIN: Duration = Duration::from_secs(5);

/// Asks a process whether it is healthy: exit code 0 if the URL answers 200
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  pinksync health\n  pinksync health http://127.0.0.1:9090/readyz")]
pub struct Health {
    /// Plain HTTP, as a process answers it on its own machine
    #[arg(default_value = "http://127.0.0.1:8080/readyz")]
    url: String,
}

impl Health {
    pub async fn carry_out(self) -> Result<Exit, Failure> {
        let asked = tokio::time::timeout(WITHIN, ask(&self.url)).await;
        let unhealthy = || Failure::failed(format!("{} is not healthy", self.url));
        match asked {
            Ok(Ok(status)) if status == "200" => Ok(Exit::Done),
            Ok(Ok(status)) => Err(unhealthy().help(format!("it answered {status}; its log tells more"))),
            Ok(Err(error)) => Err(unhealthy().because(&error).help("check that the process runs and listens there")),
            Err(_) => Err(unhealthy().help(format!("it did not answer within {} s", WITHIN.as_secs()))),
        }
    }
}

/// The status of the answer to a GET.
async fn ask(url: &str) -> std::io::Result<String> {
    let invalid = |why: &str| std::io::Error::new(std::io::ErrorKind::InvalidInput, why.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(|| invalid("the URL must begin with http://"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(4096).read_to_end(&mut answer).await?;
    let line = String::from_utf8_lossy(&answer);
    let status = line.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.split(' ').next());
    status.map(str::to_owned).ok_or_else(|| invalid("the answer is not HTTP"))
}

/// Answers `/livez`, `/readyz` and `/metrics` where the settings say, until the process is asked to stop and beyond.
/// `queue` says whether that is reached.
pub fn serve(process: &Process, queue: QueueState, needs: Needs) -> impl Future<Output = Result<(), Failure>> + use<> {
    let (listen, pool, metrics) = (process.settings.metrics_listen, process.pool.clone(), Arc::clone(&process.metrics));
    async move {
        let metrics = Arc::new(move || metrics.render());
        let served = pinksync_api::serve_health(listen, pool, metrics, queue, needs).await;
        served.map_err(|error| {
            Failure::failed(format!("health and metrics cannot be served at {listen}"))
                .because(&error)
                .help("each process on a machine needs another PINKSYNC_METRICS_LISTEN; port 0 takes a free one")
        })
    }
}
