// SPDX-License-Identifier: MIT

//! Times governor as ../limiter.c times the limiter of this library: same arguments, same traffic,
//! same lines out. limiter_peers.sh runs the two in turns.

mod measure;
mod traffic;

use std::hash::{BuildHasher, RandomState as SipHash};
use std::num::NonZeroU32;
use std::time::Duration;

use foldhash::fast::RandomState as FoldHash;
use governor::clock::{Clock, FakeRelativeClock, MonotonicClock, QuantaClock};
use governor::middleware::NoOpMiddleware;
use governor::state::direct::NotKeyed;
use governor::state::keyed::DashMapStateStore;
use governor::state::InMemoryState;
use governor::{Quota, RateLimiter};

use measure::{Decide, Options};
use traffic::Key;

const HELP: &str = "\
Times decisions of governor.

  governor-peer [--workload uniform|zipf|batch|denied|gate|gate-denied] [--keys N]
                [--threads N] [--clock mock|monotonic|tsc] [--key-bytes 16|38]
                [--hash siphash|foldhash] [--ms N] [--cpus N,N] [--cpu-time]

Prints a line when ready, then one for each line read: a run of --ms milliseconds.

  batch       the same as uniform: there is no call for many keys
  --clock     mock: FakeRelativeClock; monotonic: MonotonicClock; tsc: QuantaClock, the default
  --key-bytes 16: [u8; 16]; 38: String
  --hash      siphash: RandomState, the default; foldhash: foldhash::fast::RandomState
  gate        the direct limiter, which has no keys
";

/// A cell comes back each second, so that keys stay live, and the burst outlasts any run. A limiter
/// that is to deny has a burst of one.
fn quota(options: &Options) -> Quota {
    let burst = if options.denies() { 1 } else { 1 << 30 };
    Quota::with_period(Duration::from_secs(1))
        .unwrap()
        .allow_burst(NonZeroU32::new(burst).unwrap())
}

type Table<K, S, C> =
    RateLimiter<K, DashMapStateStore<K, S>, C, NoOpMiddleware<<C as Clock>::Instant>>;
type Cell<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// RateLimiter::keyed() with the clock and the hasher handed in.
fn time_keyed<K: Key, C, S>(options: &Options, clock: C)
where
    C: Clock + Sync,
    C::Instant: Sync,
    S: BuildHasher + Default + Clone + Sync,
{
    let before = measure::memory_in_use();
    let limiter: Table<K, S, C> =
        RateLimiter::dashmap_with_clock_and_hasher(quota(options), clock, S::default());
    let mut key = K::new();
    for number in 0..options.keys {
        key.set(number);
        assert!(limiter.check_key(&key).is_ok());
    }
    let bytes = measure::memory_in_use() - before;
    assert_eq!(limiter.len() as u64, options.keys);
    measure::serve(options, bytes, &|| Keyed {
        limiter: &limiter,
        keys: vec![K::new(); measure::BATCH],
    });
}

struct Keyed<'a, K: Key, C: Clock, S: BuildHasher + Clone> {
    limiter: &'a Table<K, S, C>,
    keys: Vec<K>,
}

impl<K: Key, C: Clock, S: BuildHasher + Clone> Decide for Keyed<'_, K, C, S> {
    fn admitted(&mut self, traffic: &mut traffic::Traffic) -> u64 {
        if traffic.chooses() {
            for key in &mut self.keys {
                key.set(traffic.next());
            }
        }
        let mut admitted = 0;
        for key in &self.keys {
            admitted += self.limiter.check_key(key).is_ok() as u64;
        }
        admitted
    }
}

/// RateLimiter::direct() with the clock handed in.
fn time_direct<C>(options: &Options, clock: C)
where
    C: Clock + Sync,
    C::Instant: Sync,
{
    let limiter = RateLimiter::direct_with_clock(quota(options), clock);
    assert!(limiter.check().is_ok());
    measure::serve(options, size_of_val(&limiter), &|| Direct {
        limiter: &limiter,
    });
}

struct Direct<'a, C: Clock> {
    limiter: &'a Cell<C>,
}

impl<C: Clock> Decide for Direct<'_, C> {
    fn admitted(&mut self, _: &mut traffic::Traffic) -> u64 {
        let mut admitted = 0;
        for _ in 0..measure::BATCH {
            admitted += self.limiter.check().is_ok() as u64;
        }
        admitted
    }
}

fn with_clock<C>(options: &Options, clock: C) -> bool
where
    C: Clock + Sync,
    C::Instant: Sync,
{
    if options.workload.starts_with("gate") {
        time_direct(options, clock);
        return true;
    }
    match (options.key_bytes, options.hash.as_str()) {
        (16, "siphash") => time_keyed::<[u8; 16], C, SipHash>(options, clock),
        (38, "siphash") => time_keyed::<String, C, SipHash>(options, clock),
        (16, "foldhash") => time_keyed::<[u8; 16], C, FoldHash>(options, clock),
        (38, "foldhash") => time_keyed::<String, C, FoldHash>(options, clock),
        _ => return false,
    }
    true
}

/// Time that stands still: one relaxed load.
fn with_mock(options: &Options) -> bool {
    let clock = FakeRelativeClock::default();
    with_clock(options, clock)
}

fn main() {
    if std::env::args().any(|argument| argument == "--help") {
        print!("{HELP}");
        return;
    }
    let understood = match Options::parse(std::env::args().skip(1)) {
        None => false,
        Some(options) => match options.clock.as_str() {
            "mock" => with_mock(&options),
            "monotonic" => with_clock(&options, MonotonicClock),
            "tsc" => with_clock(&options, QuantaClock::default()),
            _ => false,
        },
    };
    if !understood {
        eprint!("{HELP}");
        std::process::exit(2);
    }
}
