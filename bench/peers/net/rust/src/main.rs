// SPDX-License-Identifier: MIT

//! The peer on rust-libp2p; ../../net_peers.sh says what a peer is asked.

mod flow;
mod node;
mod served;

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};

use node::{News, Node, Outcome};

struct Peer {
    nodes: Vec<Node>,
    remote: Option<PeerId>,
    open: usize,
    identified: usize,
}

fn percentile(sorted: &[Duration], percent: usize) -> u128 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1].as_nanos()
}

fn say(taken: Duration, mut each: Vec<Duration>) {
    each.sort();
    println!(
        "{{\"ns\":{},\"p50\":{},\"p99\":{}}}",
        taken.as_nanos(),
        percentile(&each, 50),
        percentile(&each, 99)
    );
}

/// Gives back to the system what is free.
fn trim() -> Outcome {
    unsafe { libc::malloc_trim(0) };
    say(Duration::ZERO, vec![Duration::ZERO]);
    Ok(())
}

impl Peer {
    fn make_nodes(&mut self, count: usize) -> Outcome {
        while self.nodes.len() < count {
            self.nodes.push(Node::start(false)?);
        }
        say(Duration::ZERO, vec![Duration::ZERO]);
        Ok(())
    }

    /// So many connections, from the nodes in turns, `width` under way at a time.
    async fn connect(&mut self, address: Multiaddr, count: usize, width: usize) -> Outcome {
        let Some(Protocol::P2p(peer)) = address.iter().last() else {
            return Err("the address names no peer".into());
        };
        let nodes = self.nodes.len();
        let begun = Instant::now();
        let (mut starts, mut each) = (Vec::new(), Vec::new());
        for index in 0..count + width {
            if index < count {
                starts.push(Instant::now());
                self.nodes[index % nodes].dial(peer, &address);
            }
            if index + 1 >= width && each.len() < count {
                self.nodes[each.len() % nodes].connected().await?;
                each.push(starts[each.len()].elapsed());
            }
        }
        self.remote = Some(peer);
        self.open = count;
        say(begun.elapsed(), each);
        Ok(())
    }

    async fn close(&mut self) -> Outcome {
        self.nodes.iter().for_each(Node::close);
        for index in 0..self.open {
            let node = index % self.nodes.len();
            while !matches!(self.nodes[node].next().await?, News::Closed) {}
        }
        self.open = 0;
        say(Duration::ZERO, vec![Duration::ZERO]);
        Ok(())
    }

    /// Until just so many are connected and have said who they are.
    async fn wait(&mut self, count: usize) -> Outcome {
        while self.open != count || self.identified < count {
            match self.nodes[0].next().await? {
                News::Connected(_) => self.open += 1,
                News::Identified => self.identified += 1,
                News::Closed => self.open -= 1,
                News::Listening(_) => {}
            }
        }
        if count == 0 {
            self.identified = 0;
        }
        say(Duration::ZERO, vec![Duration::ZERO]);
        Ok(())
    }

    async fn flow(&mut self, up: u64, down: u64, streams: u64) -> Outcome {
        let remote = self.remote.ok_or("not connected")?;
        let taken =
            flow::many(&self.nodes[0].control, remote, up / streams, down / streams, streams)
                .await?;
        say(taken, vec![taken]);
        Ok(())
    }

    async fn trips(&mut self, count: u64) -> Outcome {
        let remote = self.remote.ok_or("not connected")?;
        let each = flow::trips(&mut self.nodes[0].control, remote, count).await?;
        say(each.iter().sum(), each);
        Ok(())
    }

    async fn obey(&mut self, line: &str) -> Outcome {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["await", count] => self.wait(count.parse()?).await,
            ["nodes", count] => self.make_nodes(count.parse()?),
            ["trim"] => trim(),
            ["connect", address, count, width] => {
                self.connect(address.parse()?, count.parse()?, width.parse()?).await
            }
            ["close"] => self.close().await,
            ["up", size, streams] => self.flow(size.parse()?, 0, streams.parse()?).await,
            ["down", size, streams] => self.flow(0, size.parse()?, streams.parse()?).await,
            ["trips", count] => self.trips(count.parse()?).await,
            _ => Err(format!("not understood: {line}").into()),
        }
    }
}

async fn listen() -> Outcome<Node> {
    let mut node = Node::start(true)?;
    loop {
        if let News::Listening(address) = node.next().await? {
            println!("{{\"address\":\"{address}/p2p/{}\"}}", node.id);
            return Ok(node);
        }
    }
}

async fn serve(mut peer: Peer, mut lines: Lines<BufReader<Stdin>>) -> Outcome {
    while let Some(line) = lines.next_line().await? {
        peer.obey(&line).await?;
    }
    Ok(())
}

/// On the one processor that it is pinned to, several threads are no faster.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let nodes = match arguments[..] {
        [ref word] if word == "listen" => vec![listen().await?],
        [ref word] if word == "dial" => {
            println!("{{\"ready\":true}}");
            vec![Node::start(false)?]
        }
        _ => return Err("usage: peer listen | peer dial".into()),
    };
    let peer = Peer { nodes, remote: None, open: 0, identified: 0 };
    serve(peer, BufReader::new(tokio::io::stdin()).lines()).await
}
