// SPDX-License-Identifier: MIT

//! Arguments, pinned threads and timing: what ../../limiter.c does for its side.

use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::traffic::{fingerprint, Traffic};

/// Decisions between two sets of keys; keys are written well before they are read.
pub const BATCH: usize = 256;
/// Batches between two looks at the clock.
const BATCHES: u64 = 16;

pub struct Options {
    pub workload: String,
    pub clock: String,
    pub hash: String,
    pub keys: u64,
    pub threads: usize,
    pub key_bytes: u64,
    pub ms: u64,
    pub cpus: Vec<usize>,
    pub cpu_time: bool,
}

impl Options {
    /// None: bad usage.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
        let mut options = Options {
            workload: "uniform".into(),
            clock: "mock".into(),
            hash: "siphash".into(),
            keys: 1000,
            threads: 1,
            key_bytes: 16,
            ms: 50,
            cpus: vec![0, 1],
            cpu_time: false,
        };
        while let Some(name) = arguments.next() {
            if name == "--cpu-time" {
                options.cpu_time = true;
                continue;
            }
            let value = arguments.next()?;
            match name.as_str() {
                "--workload" => options.workload = value,
                "--clock" => options.clock = value,
                "--hash" => options.hash = value,
                "--keys" => options.keys = value.parse().ok()?,
                "--threads" => options.threads = value.parse().ok()?,
                "--key-bytes" => options.key_bytes = value.parse().ok()?,
                "--ms" => options.ms = value.parse().ok()?,
                "--cpus" => options.cpus = parse_list(&value)?,
                _ => return None,
            }
        }
        options.valid().then_some(options)
    }

    fn valid(&self) -> bool {
        (1..=1 << 31).contains(&self.keys)
            && (1..=self.cpus.len()).contains(&self.threads)
            && self.ms > 0
    }

    pub fn denies(&self) -> bool {
        self.workload.ends_with("denied")
    }
}

fn parse_list(value: &str) -> Option<Vec<usize>> {
    value.split(',').map(|number| number.parse().ok()).collect()
}

mod system {
    #[repr(C)]
    #[derive(Default)]
    pub struct Mallinfo2 {
        pub counts: [usize; 4],
        pub hblkhd: usize,
        pub more: [usize; 2],
        pub uordblks: usize,
        pub rest: [usize; 2],
    }

    #[repr(C)]
    #[derive(Default)]
    pub struct Timespec {
        pub seconds: i64,
        pub ns: i64,
    }

    extern "C" {
        pub fn mallinfo2() -> Mallinfo2;
        pub fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
        pub fn sched_setaffinity(pid: i32, size: usize, mask: *const u64) -> i32;
    }
}

/// Bytes that malloc has handed out, its own overhead included.
pub fn memory_in_use() -> usize {
    // SAFETY: takes nothing, returns numbers.
    let info = unsafe { system::mallinfo2() };
    info.hblkhd + info.uordblks
}

const MONOTONIC: i32 = 1;
const THREAD_CPUTIME: i32 = 3;

fn now_ns(clock: i32) -> u64 {
    let mut now = system::Timespec::default();
    // SAFETY: writes the struct that is handed in.
    unsafe { system::clock_gettime(clock, &mut now) };
    now.seconds as u64 * 1_000_000_000 + now.ns as u64
}

fn pin(cpu: usize) {
    let mut mask = [0u64; 16];
    mask[cpu / 64] = 1 << (cpu % 64);
    // SAFETY: reads the mask that is handed in.
    let failed = unsafe { system::sched_setaffinity(0, size_of_val(&mask), mask.as_ptr()) } != 0;
    assert!(!failed, "cannot run on processor {cpu}");
}

pub trait Decide {
    /// Makes BATCH decisions and returns how many were admissions.
    fn admitted(&mut self, traffic: &mut Traffic) -> u64;
}

/// Aligned, so that no thread writes to a line of another's.
#[repr(align(64))]
struct Worker<D> {
    decide: D,
    traffic: Traffic,
}

#[derive(Default)]
struct Stretch {
    decisions: u64,
    elapsed_ns: u64,
}

impl<D: Decide> Worker<D> {
    fn run(&mut self, options: &Options, ms: u64) -> Stretch {
        let clock = if options.cpu_time {
            THREAD_CPUTIME
        } else {
            MONOTONIC
        };
        let expected = if options.denies() { 0 } else { BATCH as u64 };
        let end_ns = now_ns(MONOTONIC) + ms * 1_000_000;
        let start_ns = now_ns(clock);
        let mut decisions = 0;
        while now_ns(MONOTONIC) < end_ns {
            for _ in 0..BATCHES {
                let admitted = self.decide.admitted(&mut self.traffic);
                assert_eq!(
                    admitted, expected,
                    "something else was timed than was meant"
                );
            }
            decisions += BATCHES * BATCH as u64;
        }
        Stretch {
            decisions,
            elapsed_ns: now_ns(clock) - start_ns,
        }
    }
}

/// A quarter of the time warms up. All threads time the same stretch.
fn run<D: Decide + Send>(options: &Options, workers: &mut [Worker<D>]) -> Stretch {
    let arrived = AtomicUsize::new(0);
    let arrived = &arrived;
    let mut sum = Stretch::default();
    std::thread::scope(|scope| {
        let mut handles = Vec::new();
        for (worker, &cpu) in workers.iter_mut().zip(&options.cpus) {
            handles.push(scope.spawn(move || {
                pin(cpu);
                worker.run(options, options.ms.div_ceil(4));
                arrived.fetch_add(1, Ordering::SeqCst);
                while arrived.load(Ordering::Acquire) < options.threads {
                    std::hint::spin_loop();
                }
                worker.run(options, options.ms)
            }));
        }
        for handle in handles {
            let stretch = handle.join().expect("a thread gave up");
            sum.decisions += stretch.decisions;
            sum.elapsed_ns += stretch.elapsed_ns;
        }
    });
    sum
}

/// Says that it is ready; then runs once a line.
pub fn serve<D: Decide + Send>(options: &Options, bytes: usize, decide: &dyn Fn() -> D) {
    let zipf = options.workload == "zipf";
    let mut workers: Vec<_> = (0..options.threads)
        .map(|thread| Worker {
            decide: decide(),
            traffic: Traffic::new(options.keys, zipf, thread as u64),
        })
        .collect();
    println!(
        "{{\"program\":\"governor 0.10.4\",\"traffic\":\"{:016x}\",\"bytes_per_key\":{:.1}}}",
        fingerprint(options.keys, zipf),
        bytes as f64 / options.keys as f64
    );
    for _ in io::stdin().lock().lines() {
        let sum = run(options, &mut workers);
        println!(
            "{{\"ns\":{:.3},\"decisions\":{}}}",
            sum.elapsed_ns as f64 / sum.decisions as f64,
            sum.decisions
        );
        io::stdout().flush().expect("nobody reads");
    }
}
