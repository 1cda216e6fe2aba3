//! Which addresses a connection may lead to: those of the public internet, and networks that the operator allows.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use tokio::net::lookup_host;
use tokio::time::timeout;

/// How long a name may take to be resolved.
const LOOKUP: Duration = Duration::from_secs(5);

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(first: u16, second: u16, third: u16, bits: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), bits)
}

/// What is not globally reachable by IANA's registry of special-purpose IPv4 addresses, multicast, and one address at
/// which a cloud answers its own machines.
const FORBIDDEN_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),        // this network
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // carrier-grade NAT; metadata of Alibaba Cloud
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // wire server of Azure
    v4(169, 254, 0, 0, 16),   // link-local; metadata of most clouds
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocol assignments; metadata of Oracle Cloud
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarks
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, broadcast
];

/// The same of IPv6, and all forms that hold an IPv4 address, through which a forbidden one could be reached.
const FORBIDDEN_V6: [Ipv6Net; 11] = [
    v6(0, 0, 0, 96),          // unspecified, loopback, IPv4-compatible
    v6(0x64, 0xff9b, 0, 96),  // NAT64
    v6(0x64, 0xff9b, 1, 48),  // local NAT64
    v6(0x100, 0, 0, 64),      // discard
    v6(0x2001, 0, 0, 23),     // protocol assignments, Teredo
    v6(0x2001, 0xdb8, 0, 32), // documentation
    v6(0x2002, 0, 0, 16),     // 6to4
    v6(0xfc00, 0, 0, 7),      // unique local; metadata of AWS
    v6(0xfe80, 0, 0, 10),     // link-local
    v6(0xfec0, 0, 0, 10),     // site-local
    v6(0xff00, 0, 0, 8),      // multicast
];

/// The networks that are allowed although they are not public.
#[derive(Debug, Clone, Default)]
pub struct HostPolicy {
    allowed: Vec<IpNet>,
}

/// Why there is no address to connect to. Which address a name has is not told: it may be an internal one.
#[derive(Debug, thiserror::Error)]
pub enum NoAddress {
    #[error("`{0}` is a local socket: name a host")]
    LocalSocket(String),
    #[error("`{0}` cannot be resolved: check the host's name")]
    NotFound(String, #[source] io::Error),
    #[error("resolving `{0}` took too long")]
    TooSlow(String),
    #[error("`{0}` is at a private or reserved address: the operator allows networks in PINKSYNC_ALLOWED_NETWORKS")]
    Forbidden(String),
}

impl HostPolicy {
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether an address may be connected to.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.allowed.iter().any(|network| network.contains(&address)) {
            return true;
        }
        match address {
            IpAddr::V4(address) => !FORBIDDEN_V4.iter().any(|network| network.contains(&address)),
            IpAddr::V6(address) => !FORBIDDEN_V6.iter().any(|network| network.contains(&address)),
        }
    }

    /// The addresses of a host, all of them permitted. To be connected to as they are: a name that is resolved again may
    /// have another address.
    ///
    /// # Errors
    /// The host has none, or one of them is not permitted.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, NoAddress> {
        let name = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if name.starts_with(['/', '@']) {
            return Err(NoAddress::LocalSocket(host.to_owned()));
        }
        let addresses: Vec<SocketAddr> = match timeout(LOOKUP, lookup_host((name, port))).await {
            Err(_) => return Err(NoAddress::TooSlow(host.to_owned())),
            Ok(Err(error)) => return Err(NoAddress::NotFound(host.to_owned(), error)),
            Ok(Ok(addresses)) => addresses.collect(),
        };
        if addresses.is_empty() {
            return Err(NoAddress::NotFound(host.to_owned(), io::ErrorKind::NotFound.into()));
        }
        if addresses.iter().all(|address| self.permits(address.ip())) {
            Ok(addresses)
        } else {
            Err(NoAddress::Forbidden(host.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(policy: &HostPolicy, address: &str) -> bool {
        policy.permits(address.parse().unwrap())
    }

    #[test]
    fn only_public_addresses_are_permitted() {
        let policy = HostPolicy::default();
        for address in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"] {
            assert!(permits(&policy, address), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.0.1",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2001::1",
            "2002:7f00:1::",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
        ] {
            assert!(!permits(&policy, address), "{address}");
        }
    }

    #[test]
    fn the_operator_allows_networks_and_nothing_beside_them() {
        let allowed = ["10.1.0.0/16", "::1/128"].map(|network| network.parse().unwrap());
        let policy = HostPolicy::new(allowed.to_vec());
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "::1", "8.8.8.8"] {
            assert!(permits(&policy, address), "{address}");
        }
        for address in ["10.2.0.1", "127.0.0.1", "::ffff:10.2.0.1", "64:ff9b::a01:203"] {
            assert!(!permits(&policy, address), "{address}");
        }
    }

    #[tokio::test]
    async fn a_host_is_resolved_and_checked_however_it_is_written() {
        let closed = HostPolicy::default();
        for host in ["localhost", "127.0.0.1", "[::1]", "::1", "0x7f.1", "2130706433", "0"] {
            let refused = closed.resolve(host, 5432).await;
            assert!(matches!(refused, Err(NoAddress::Forbidden(_) | NoAddress::NotFound(..))), "{host}: {refused:?}");
        }
        assert!(matches!(closed.resolve("/var/run", 5432).await, Err(NoAddress::LocalSocket(_))));
        assert!(matches!(closed.resolve("nowhere.invalid", 1).await, Err(NoAddress::NotFound(..))));
        let open = HostPolicy::new(vec!["127.0.0.0/8".parse().unwrap()]);
        let addresses = open.resolve("127.0.0.1", 5432).await.unwrap();
        assert_eq!(addresses, ["127.0.0.1:5432".parse().unwrap()]);
    }
}
