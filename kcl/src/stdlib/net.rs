//! The system module `net`. Nothing here asks the network.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::args::{need, need_int, text};
use super::{Function, Host, Outcome};
use crate::value::convert::text as to_text;
use crate::value::{Args, Dict, DictBuilder, Entry, Key, Value};

const fn of(name: &'static str, signature: &'static str, body: super::Body) -> Function {
    Function { module: "net", name, body, signature }
}

const IP_TO_BOOL: &str = "(ip: str) -> bool";
const IP_TO_STR: &str = "(ip: str) -> str";

/// All members.
pub(super) const FUNCTIONS: &[Function] = &[
    of("CIDR_host", "(cidr: str, host_num: int) -> str", cidr_host),
    of("CIDR_netmask", "(cidr: str) -> str", cidr_netmask),
    of("CIDR_subnet", "(cidr: str, additional_bits: int, net_num: int) -> str", cidr_subnet),
    of("CIDR_subnets", "(cidr: str, additional_bits: [int]) -> [str]", cidr_subnets),
    of("IP_string", IP_TO_STR, canonical),
    of("fqdn", "(name?: str) -> str", fqdn),
    of("is_IP", IP_TO_BOOL, |_, args| test(args, |_| true)),
    of("is_IP_in_CIDR", "(ip: str, cidr: str) -> bool", is_ip_in_cidr),
    of("is_IPv4", IP_TO_BOOL, |_, args| test(args, |ip| ip.is_ipv4())),
    of("is_IPv6", IP_TO_BOOL, |_, args| test(args, |ip| ip.is_ipv6())),
    of("is_global_unicast_IP", IP_TO_BOOL, |_, args| test(args, is_global_unicast)),
    of("is_interface_local_multicast_IP", IP_TO_BOOL, |_, args| test(args, |ip| has_multicast_scope(ip, 1))),
    of("is_link_local_multicast_IP", IP_TO_BOOL, |_, args| test(args, is_link_local_multicast)),
    of("is_link_local_unicast_IP", IP_TO_BOOL, |_, args| test(args, is_link_local_unicast)),
    of("is_loopback_IP", IP_TO_BOOL, |_, args| test(args, |ip| ip.is_loopback())),
    of("is_multicast_IP", IP_TO_BOOL, |_, args| test(args, |ip| ip.is_multicast())),
    of("is_unspecified_IP", IP_TO_BOOL, |_, args| test(args, |ip| ip.is_unspecified())),
    of("join_host_port", "(host: str, port: int | str) -> str", join_host_port),
    of("parse_CIDR", "(cidr: str) -> {any:any}", parse_cidr),
    of("parse_IP", IP_TO_STR, canonical),
    of("split_host_port", "(ip_end_point: str) -> [str]", split_host_port),
    of("to_IP4", IP_TO_STR, to_ip4),
    of("to_IP6", IP_TO_STR, to_ip6),
];

type Result<'v> = Outcome<Value<'v>>;

fn made<'v>(host: &dyn Host<'v>, text: &str) -> Result<'v> {
    Ok(Value::Str(host.arena().alloc_str(text)))
}

/// Whether the argument is an address for which something holds.
fn test<'v>(args: Args<'v>, holds: fn(IpAddr) -> bool) -> Result<'v> {
    Ok(Value::Bool(text(args, 0, "ip")?.parse().is_ok_and(holds)))
}

/// The shortest way to write an address; empty for what is none.
fn canonical<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let ip = text(args, 0, "ip")?.parse::<IpAddr>();
    made(host, &ip.map_or_else(|_| String::new(), |ip| ip.to_string()))
}

/// Failures are told in the result, not raised.
fn to_ip4<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let ip = text(args, 0, "ip")?;
    let written = match ip.parse() {
        Ok(IpAddr::V4(four)) => four.to_string(),
        Ok(IpAddr::V6(six)) => match six.to_ipv4() {
            Some(four) => four.to_string(),
            None => format!("can not parse {ip} ipv6 to ipv4!"),
        },
        Err(_) => not_parsed(ip, "IPv6"),
    };
    made(host, &written)
}

fn to_ip6<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let ip = text(args, 0, "ip")?;
    let written = match ip.parse() {
        Ok(IpAddr::V4(four)) => four.to_ipv6_mapped().to_string(),
        Ok(IpAddr::V6(six)) => six.to_string(),
        Err(_) => not_parsed(ip, "IPv4"),
    };
    made(host, &written)
}

fn not_parsed(ip: &str, kind: &str) -> String {
    format!("can not both parse {ip} to ipv6 and ipv4,err:invalid {kind} address syntax")
}

/// The name itself: looking it up would make outputs depend on the network.
fn fqdn<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let name = args.get(0, "name").map_or("", super::args::as_text);
    made(host, if matches!(name, "" | "127.0.0.1") { "localhost" } else { name })
}

fn split_host_port<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let end_point = text(args, 0, "ip_end_point")?;
    let parts =
        host_and_port(end_point).map_err(|problem| format!("the end point `{end_point}` {problem}"))?;
    Ok(Value::List(host.arena().alloc_slice_copy(&parts.map(Value::Str))))
}

/// The two parts of `host:port` or `[host]:port`, else what is wrong.
fn host_and_port(end_point: &str) -> std::result::Result<[&str; 2], &'static str> {
    let (host, port) = match end_point.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']').ok_or("has no `]`")?;
            (host, rest.strip_prefix(':').ok_or("has no port")?)
        }
        None => {
            let (host, port) = end_point.rsplit_once(':').ok_or("has no port")?;
            if host.contains(':') {
                return Err("has too many colons");
            }
            (host, port)
        }
    };
    if port.contains(':') {
        return Err("has too many colons");
    }
    if host.contains(['[', ']']) || port.contains(['[', ']']) {
        return Err("has a bracket where none may be");
    }
    Ok([host, port])
}

fn join_host_port<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let (name, port) = (to_text(need(args, 0, "host")?), to_text(need(args, 1, "port")?));
    let joined = if name.contains(':') { format!("[{name}]:{port}") } else { format!("{name}:{port}") };
    made(host, &joined)
}

/// Whether an address is a multicast one of IPv6 with this scope.
fn has_multicast_scope(ip: IpAddr, scope: u16) -> bool {
    matches!(ip, IpAddr::V6(six) if six.is_multicast() && six.segments()[0] & 0xF == scope)
}

fn is_link_local_multicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(four) => matches!(four.octets(), [224, 0, 0, _]),
        IpAddr::V6(_) => has_multicast_scope(ip, 2),
    }
}

fn is_link_local_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(four) => four.is_link_local(),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    }
}

/// Whether an address can be reached from everywhere, as the registries of special addresses have it.
fn is_global_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(four) => is_global_unicast_4(four),
        IpAddr::V6(six) => is_global_unicast_6(six),
    }
}

fn is_global_unicast_4(ip: Ipv4Addr) -> bool {
    let special = match ip.octets() {
        [0 | 224..=255, ..] | [100, 64..=127, ..] | [198, 18 | 19, ..] => true,
        [192, 0, 0, last] => !matches!(last, 9 | 10),
        _ => false,
    };
    !special && !ip.is_private() && !ip.is_loopback() && !ip.is_link_local() && !ip.is_documentation()
}

fn is_global_unicast_6(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        // Those that stand for addresses of the older kind.
        [0x64, 0xFF9B, 0, 0, 0, 0, ..] => true,
        [0x2001, 0xDB8, ..] | [0x2001, 2, 0, ..] => false,
        [first, ..] => first & 0xE000 == 0x2000,
    }
}

/// A network. Without a length it has one address; bits behind the length must be zero.
fn network(cidr: &str) -> Outcome<IpNet> {
    let invalid = |why: &str| format!("the network `{cidr}` {why}");
    let (ip, len) = match cidr.rsplit_once('/') {
        Some((ip, len)) => (ip, Some(len)),
        None => (cidr, None),
    };
    let ip: IpAddr = ip.parse().map_err(|_| invalid("has no valid address"))?;
    let net = match len {
        Some(len) => len
            .parse()
            .ok()
            .and_then(|len| IpNet::new(ip, len).ok())
            .ok_or_else(|| invalid("has no valid length"))?,
        None => ip.into(),
    };
    if net.network() != ip {
        return Err(invalid("has bits set behind its length").into());
    }
    Ok(net)
}

fn network_arg(args: Args<'_>, at: usize) -> Outcome<IpNet> {
    network(text(args, at, "cidr")?)
}

fn bits_of(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(four) => four.to_bits().into(),
        IpAddr::V6(six) => six.to_bits(),
    }
}

/// The address with these bits, of the family of a network.
fn ip_like(net: IpNet, bits: u128) -> IpAddr {
    match net {
        IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(bits as u32)),
        IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    }
}

/// How many bits of an address are behind a length.
fn host_bits(net: IpNet, prefix: u8) -> u32 {
    u32::from(net.max_prefix_len() - prefix)
}

/// Whether a number needs no more than some bits.
fn fits(number: u64, bits: u32) -> bool {
    bits >= u64::BITS || number >> bits == 0
}

/// Numbers below zero count from the end.
fn cidr_host<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let net = network_arg(args, 0)?;
    let number = need_int(args, 1, "host_num")?;
    let bits = host_bits(net, net.prefix_len());
    // As many bits are needed for -1 as for 0.
    let needed = if number < 0 { !number } else { number };
    if !fits(needed.unsigned_abs(), bits) {
        return Err(format!("the network `{net}` has no host `{number}`").into());
    }
    let mask = 1_u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1);
    let offset = i128::from(number).cast_unsigned() & mask;
    made(host, &ip_like(net, bits_of(net.network()) | offset).to_string())
}

fn cidr_netmask<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    match network_arg(args, 0)? {
        net @ IpNet::V4(_) => made(host, &net.netmask().to_string()),
        net @ IpNet::V6(_) => Err(format!("the network `{net}` is of IPv6, which has no netmasks").into()),
    }
}

/// The length of a part of a network.
fn longer(net: IpNet, additional: i64) -> Outcome<u8> {
    let len = u8::try_from(additional).ok().and_then(|additional| net.prefix_len().checked_add(additional));
    let len = len.filter(|len| *len <= net.max_prefix_len());
    Ok(len.ok_or_else(|| format!("the network `{net}` has no parts that are `{additional}` bits longer"))?)
}

fn cidr_subnet<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let net = network_arg(args, 0)?;
    let additional = need_int(args, 1, "additional_bits")?;
    let number = need_int(args, 2, "net_num")?;
    let len = longer(net, additional)?;
    let number = u64::try_from(number).ok().filter(|number| fits(*number, u32::from(len - net.prefix_len())));
    let number =
        number.ok_or_else(|| format!("`{additional}` bits do not number that many parts of `{net}`"))?;
    let offset = u128::from(number).checked_shl(host_bits(net, len)).unwrap_or(0);
    made(host, &format!("{}/{len}", ip_like(net, bits_of(net.network()) | offset)))
}

/// Parts of a network that do not overlap: each the first that is free.
fn cidr_subnets<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let net = network_arg(args, 0)?;
    let Value::List(additional) = need(args, 1, "additional_bits")? else {
        return Err("the argument `additional_bits` must be a list".into());
    };
    let mut free = BTreeMap::from([(bits_of(net.network()), net.prefix_len())]);
    let mut parts = Vec::with_capacity(additional.len());
    for item in additional {
        let Value::Int(more) = *item else {
            return Err("the argument `additional_bits` must be a list of ints".into());
        };
        if more > 63 {
            return Err("a part may not be more than 63 bits longer than its network".into());
        }
        let len = longer(net, more)?;
        let bits = take(net, &mut free, len)
            .ok_or_else(|| format!("the network `{net}` has no room for another part of length `{len}`"))?;
        let part = format!("{}/{len}", ip_like(net, bits));
        parts.push(Value::Str(host.arena().alloc_str(&part)));
    }
    Ok(Value::List(host.arena().alloc_slice_copy(&parts)))
}

/// Takes the first free block of a length. Larger blocks are halved until they have it; the other halves stay free.
fn take(net: IpNet, free: &mut BTreeMap<u128, u8>, len: u8) -> Option<u128> {
    let (bits, found) = free.iter().find(|(_, found)| **found <= len).map(|(bits, found)| (*bits, *found))?;
    free.remove(&bits);
    for half in found + 1..=len {
        free.insert(bits | 1 << host_bits(net, half), half);
    }
    Some(bits)
}

/// The address and the length of a network; nothing for what is none.
fn parse_cidr<'v>(host: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let arena = host.arena();
    let Ok(net) = network_arg(args, 0) else { return Ok(Value::Dict(arena.alloc(Dict::EMPTY))) };
    let mut dict = DictBuilder::with_capacity(2);
    dict.put(Entry::new(Key::new("ip"), Value::Str(arena.alloc_str(&net.addr().to_string()))));
    dict.put(Entry::new(Key::new("mask"), Value::Int(net.prefix_len().into())));
    Ok(Value::Dict(arena.alloc(dict.finish(arena))))
}

/// An address of IPv4 is in a network of IPv6 that has the address it is mapped to, but not the other way round.
fn is_ip_in_cidr<'v>(_: &mut dyn Host<'v>, args: Args<'v>) -> Result<'v> {
    let ip = text(args, 0, "ip")?;
    let parsed = ip.parse().map_err(|_| format!("`{ip}` is no valid address"))?;
    let net = network_arg(args, 1)?;
    let ip = match (parsed, net) {
        (IpAddr::V4(four), IpNet::V6(_)) => IpAddr::V6(four.to_ipv6_mapped()),
        _ => parsed,
    };
    Ok(Value::Bool(net.contains(&ip)))
}
