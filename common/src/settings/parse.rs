//! Readers of single settings. Each gives what is wrong and how to mend it, and shows no secret.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use pinksync_model::{HumanDuration, Secret};
use tracing_subscriber::EnvFilter;

use super::LogFormat;
use crate::sealing::{InvalidKeyRing, KeyRing};

pub(super) const MAKE_A_KEY: &str =
    "make a key with `openssl rand -base64 32`, and keep a copy elsewhere: without it all stored passwords are lost";

/// What is read, or message and remedy.
pub(super) type Parsed<T> = Result<T, (String, String)>;

fn wrong<T>(message: impl Into<String>, remedy: impl Into<String>) -> Parsed<T> {
    Err((message.into(), remedy.into()))
}

pub(super) fn text(text: &str) -> Parsed<String> {
    Ok(text.to_owned())
}

pub(super) fn path(text: &str) -> Parsed<PathBuf> {
    Ok(PathBuf::from(text))
}

pub(super) fn bool(text: &str) -> Parsed<bool> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => wrong(format!("`{text}` is neither true nor false"), "write true or false"),
    }
}

/// A whole number within bounds.
pub(super) fn number<T: FromStr + PartialOrd + Display>(least: T, most: T) -> impl FnOnce(&str) -> Parsed<T> {
    move |text| match text.parse::<T>() {
        Ok(number) if number >= least && number <= most => Ok(number),
        _ => wrong(
            format!("`{text}` is not a whole number from {least} to {most}"),
            format!("write a number from {least} to {most}"),
        ),
    }
}

/// A duration of at least so long.
pub(super) fn duration(least: Duration) -> impl FnOnce(&str) -> Parsed<Duration> {
    move |text| {
        let duration = match text.parse::<HumanDuration>() {
            Ok(duration) => duration.get(),
            Err(error) => return wrong(error.to_string(), "write it like 500ms, 30s, 5m, 24h or 7d"),
        };
        if duration < least {
            let least = HumanDuration::from(least);
            return wrong(format!("`{text}` is too short"), format!("write {least} or longer"));
        }
        Ok(duration)
    }
}

pub(super) fn address(text: &str) -> Parsed<SocketAddr> {
    text.parse().or_else(|_| wrong(format!("`{text}` is not an address with a port"), "write it like 127.0.0.1:8080"))
}

pub(super) fn database_url(text: &str) -> Parsed<Secret> {
    let is_url = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    if is_url && text.parse::<tokio_postgres::Config>().is_ok() {
        return Ok(Secret::new(text));
    }
    wrong("this is not the URL of a PostgreSQL database", "write it like postgres://user:password@host:5432/pinksync")
}

pub(super) fn amqp_url(text: &str) -> Parsed<Secret> {
    if text.parse::<lapin::uri::AMQPUri>().is_ok() {
        return Ok(Secret::new(text));
    }
    wrong("this is not the URL of a RabbitMQ server", "write it like amqps://user:password@host:5671/%2f")
}

/// A base that paths can be put behind.
pub(super) fn http_url(text: &str) -> Parsed<String> {
    let is_http = ["http://", "https://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
    if is_http && !text.contains(['?', '#', ' ']) {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    wrong(format!("`{text}` is not an http or https URL"), "write it like https://sync.example.com")
}

pub(super) fn key_ring(text: &str) -> Parsed<KeyRing> {
    KeyRing::parse(text).map_err(|error| {
        let remedy = match error {
            InvalidKeyRing::Id(_) | InvalidKeyRing::Twice(_) => "write one or several `id:base64`, separated by commas",
            _ => MAKE_A_KEY,
        };
        (error.to_string(), remedy.to_owned())
    })
}

/// Absolute folders, separated by commas.
pub(super) fn folders(text: &str) -> Parsed<Vec<PathBuf>> {
    let folders: Vec<PathBuf> = parts(text).map(PathBuf::from).collect();
    match folders.iter().find(|folder| !folder.is_absolute()) {
        Some(folder) => wrong(format!("`{}` is not absolute", folder.display()), "write it like /srv/files,/srv/more"),
        None => Ok(folders),
    }
}

/// Networks or single addresses, separated by commas.
pub(super) fn networks(text: &str) -> Parsed<Vec<IpNet>> {
    let network = |part: &str| part.parse().or_else(|_| part.parse().map(|address: std::net::IpAddr| address.into()));
    let networks: Vec<Result<IpNet, &str>> = parts(text).map(|part| network(part).map_err(|_| part)).collect();
    match networks.iter().find_map(|network| network.as_ref().err()) {
        Some(part) => wrong(format!("`{part}` is not a network"), "write it like 10.0.0.0/8,192.168.7.5,fd00::/8"),
        None => Ok(networks.into_iter().flatten().collect()),
    }
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => wrong(format!("`{text}` is not a format of logs"), "write text or json"),
    }
}

pub(super) fn log_filter(text: &str) -> Parsed<String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => wrong(format!("`{text}` is not a level of logs"), "write error, warn, info, debug or trace"),
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}
