// SPDX-License-Identifier: MIT

//! The peer on rust-libp2p; tests/interop/run says what a peer does.

use std::{
    convert::Infallible,
    error::Error,
    fs::File,
    io::{self, Read as _},
    task::{Context, Poll},
    time::Duration,
};

use futures::{
    AsyncRead, AsyncReadExt, AsyncWriteExt, StreamExt,
    future::try_join_all,
    io::{copy, repeat, sink},
};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder,
    core::{
        Endpoint,
        transport::PortUse,
        upgrade::{DeniedUpgrade, ReadyUpgrade},
    },
    identify, noise, ping,
    swarm::{
        ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, DialError,
        FromSwarm, NetworkBehaviour, SubstreamProtocol, SwarmEvent, ToSwarm,
        handler::ConnectionEvent,
    },
    tcp, tls, yamux,
};
use libp2p_stream::Control;
use tokio::{
    io::AsyncReadExt as _,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const ECHO: StreamProtocol = StreamProtocol::new("/echo/1.0.0");
const LATE: StreamProtocol = StreamProtocol::new("/late/1.0.0");
const RESET: StreamProtocol = StreamProtocol::new("/reset/1.0.0");
const PERF: StreamProtocol = StreamProtocol::new("/perf/1.0.0");

const UPLOAD: u64 = 8 << 20;
const DOWNLOAD: u64 = 32 << 20;

/// Between pings: a swarm pings by itself, first when it has connected.
const SILENCE: Duration = Duration::from_secs(30);

/// A protocol that is served. libp2p-stream's own way drops streams that come many at once.
#[derive(Clone)]
struct Served {
    name: StreamProtocol,
    begin: fn(Stream),
}

impl ConnectionHandler for Served {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = ReadyUpgrade<StreamProtocol>;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Self::InboundProtocol> {
        SubstreamProtocol::new(ReadyUpgrade::new(self.name.clone()), ())
    }

    fn poll(
        &mut self,
        _: &mut Context,
    ) -> Poll<ConnectionHandlerEvent<DeniedUpgrade, (), Infallible>> {
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<Self::InboundProtocol, Self::OutboundProtocol>,
    ) {
        if let ConnectionEvent::FullyNegotiatedInbound(agreed) = event {
            (self.begin)(agreed.protocol);
        }
    }
}

impl NetworkBehaviour for Served {
    type ConnectionHandler = Served;
    type ToSwarm = Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Served, ConnectionDenied> {
        Ok(self.clone())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Served, ConnectionDenied> {
        Ok(self.clone())
    }

    fn on_swarm_event(&mut self, _: FromSwarm) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: Infallible) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context) -> Poll<ToSwarm<Infallible, Infallible>> {
        Poll::Pending
    }
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    echo: Served,
    late: Served,
    reset: Served,
    perf: Served,
    stream: libp2p_stream::Behaviour,
}

type Event = SwarmEvent<BehaviourEvent>;

fn new_swarm(tls_only: bool, ping_interval: Duration) -> Outcome<Swarm<Behaviour>> {
    let builder = SwarmBuilder::with_new_identity().with_tokio();
    let (options, muxer) = (tcp::Config::default(), yamux::Config::default);
    let behaviour = |key: &libp2p::identity::Keypair| Behaviour {
        identify: identify::Behaviour::new(
            identify::Config::new("/interop/1".into(), key.public())
                .with_agent_version("rust-interop/1".into()),
        ),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(ping_interval)),
        echo: Served { name: ECHO, begin: |stream| drop(tokio::spawn(echo(stream))) },
        late: Served { name: LATE, begin: |stream| drop(tokio::spawn(late(stream))) },
        reset: Served { name: RESET, begin: |stream| drop(tokio::spawn(reset(stream))) },
        perf: Served { name: PERF, begin: |stream| drop(tokio::spawn(perf(stream))) },
        stream: libp2p_stream::Behaviour::new(),
    };
    // Idle connections are closed at once unless it is told otherwise.
    let lasting = |config: libp2p::swarm::Config| {
        config.with_idle_connection_timeout(Duration::from_secs(120))
    };
    Ok(if tls_only {
        let builder = builder.with_tcp(options, tls::Config::new, muxer)?;
        builder.with_behaviour(behaviour)?.with_swarm_config(lasting).build()
    } else {
        let builder = builder.with_tcp(options, (tls::Config::new, noise::Config::new), muxer)?;
        builder.with_behaviour(behaviour)?.with_swarm_config(lasting).build()
    })
}

/// A swarm that is run, until it is told to end: then it closes what is open.
struct Node {
    events: mpsc::UnboundedReceiver<Event>,
    control: Control,
    end: oneshot::Sender<()>,
    over: JoinHandle<()>,
}

async fn run(
    mut swarm: Swarm<Behaviour>,
    events: mpsc::UnboundedSender<Event>,
    mut end: oneshot::Receiver<()>,
) {
    loop {
        tokio::select! {
            event = swarm.select_next_some() => { let _ = events.send(event); }
            _ = &mut end => break,
        }
    }
    let peers: Vec<PeerId> = swarm.connected_peers().copied().collect();
    for peer in peers {
        let _ = swarm.disconnect_peer_id(peer);
    }
    while swarm.connected_peers().next().is_some() {
        swarm.select_next_some().await;
    }
}

impl Node {
    fn start(swarm: Swarm<Behaviour>) -> Node {
        let control = swarm.behaviour().stream.new_control();
        let (sender, events) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let over = tokio::spawn(run(swarm, sender, ended));
        Node { events, control, end, over }
    }

    /// The first value that `pick` finds in an event.
    async fn next<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> Outcome<T> {
        loop {
            let event = timeout(Duration::from_secs(60), self.events.recv()).await?;
            if let Some(found) = pick(event.ok_or("the swarm has ended")?) {
                return Ok(found);
            }
        }
    }

    async fn stop(self) -> Outcome {
        let _ = self.end.send(());
        Ok(self.over.await?)
    }
}

async fn echo(stream: Stream) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    copy(reader, &mut writer).await?;
    writer.close().await
}

/// In pieces: read_to_end clears all the room that it has each time it is polled.
async fn read_all(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let (mut all, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        match reader.read(&mut piece).await? {
            0 => return Ok(all),
            size => all.extend_from_slice(&piece[..size]),
        }
    }
}

async fn late(mut stream: Stream) -> io::Result<()> {
    let all = read_all(&mut stream).await?;
    stream.write_all(&all).await?;
    stream.close().await
}

/// A stream that is dropped before it is closed is reset.
async fn reset(mut stream: Stream) -> io::Result<()> {
    stream.read_exact(&mut [0]).await
}

/// Its dialer says in eight bytes how much it wants, and sends until it finishes.
async fn perf(mut stream: Stream) -> io::Result<()> {
    let mut wanted = [0; 8];
    stream.read_exact(&mut wanted).await?;
    let wanted = u64::from_be_bytes(wanted);
    let got = copy(&mut stream, &mut sink()).await?;
    copy(repeat(0).take(wanted), &mut stream).await?;
    eprintln!("perf: got {got}, sent {wanted}");
    stream.close().await
}

async fn measure(mut control: Control, peer: PeerId) -> Outcome {
    let mut stream = control.open_stream(peer, PERF).await?;
    stream.write_all(&DOWNLOAD.to_be_bytes()).await?;
    copy(repeat(0).take(UPLOAD), &mut stream).await?;
    stream.close().await?;
    match copy(&mut stream, &mut sink()).await? {
        DOWNLOAD => Ok(()),
        got => Err(format!("{got} bytes came").into()),
    }
}

fn random(size: usize) -> io::Result<Vec<u8>> {
    let mut data = vec![0; size];
    File::open("/dev/urandom")?.read_exact(&mut data)?;
    Ok(data)
}

async fn round_trip(
    mut control: Control,
    peer: PeerId,
    protocol: StreamProtocol,
    size: usize,
) -> Outcome {
    let (mut reader, mut writer) = control.open_stream(peer, protocol).await?.split();
    let data = random(size)?;
    let write = async {
        writer.write_all(&data).await?;
        writer.close().await
    };
    let ((), back) = futures::try_join!(write, read_all(&mut reader))?;
    if back != data {
        return Err(format!("{size} bytes came back as {} others", back.len()).into());
    }
    Ok(())
}

async fn pings(node: &mut Node, count: usize) -> Outcome {
    for _ in 0..count {
        let pinged = |event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => {
                Some(event.result.map(drop).map_err(|error| error.to_string()))
            }
            SwarmEvent::ConnectionClosed { .. } => Some(Err("closed".to_string())),
            _ => None,
        };
        node.next(pinged).await??;
    }
    Ok(())
}

/// To rust-libp2p a reset looks like an end, except that nothing can be written any more.
async fn resets(mut control: Control, peer: PeerId) -> Outcome {
    let mut theirs = control.open_stream(peer, RESET).await?;
    theirs.write_all(&[1]).await?;
    theirs.flush().await?;
    if let Ok(size @ 1..) = theirs.read(&mut [0]).await {
        return Err(format!("{size} bytes came back").into());
    }
    if theirs.write_all(&[1]).await.is_ok() {
        return Err("not reset".into());
    }
    let mut own = control.open_stream(peer, ECHO).await?;
    own.write_all(&[1]).await?;
    own.flush().await?;
    drop(own);
    round_trip(control, peer, ECHO, 1000).await
}

async fn closes(node: &mut Node) -> Outcome {
    pings(node, 1).await?;
    println!("connected");
    node.next(|event| matches!(event, SwarmEvent::ConnectionClosed { .. }).then_some(())).await
}

fn is_known(info: &identify::Info, agent: &str, protocol: &str) -> Outcome {
    let knows = |name: &str| info.protocols.iter().any(|protocol| protocol.as_ref() == name);
    if info.agent_version.starts_with(agent) && knows(protocol) && knows("/ipfs/ping/1.0.0") {
        return Ok(());
    }
    Err(format!("agent {}, protocols {:?}", info.agent_version, info.protocols).into())
}

async fn hold(
    node: &mut Node,
    peer: PeerId,
    info: identify::Info,
    test: &str,
    known: &[&str],
) -> Outcome {
    let control = node.control.clone();
    match test {
        "connect" => Ok(()),
        "identify" => is_known(&info, known[0], known[1]),
        "ping" => pings(node, 100).await,
        "echo" => round_trip(control, peer, ECHO, 64 << 20).await,
        "echo100" => {
            let trip = |_| round_trip(control.clone(), peer, ECHO, (64 << 20) / 100);
            try_join_all((0..100).map(trip)).await.map(drop)
        }
        "half" => round_trip(control, peer, LATE, 1 << 20).await,
        "perf" => measure(control, peer).await,
        "reset" => resets(control, peer).await,
        "idle" => pings(node, 2).await,
        "close" => closes(node).await,
        _ => Err(format!("no test {test}").into()),
    }
}

fn check_refusal(dialled: Result<PeerId, DialError>, test: &str) -> Outcome {
    match dialled {
        Ok(_) => Err("connected all the same".into()),
        Err(DialError::WrongPeerId { .. }) if test == "wrong-id" => Ok(()),
        Err(error) if test == "tls" && format!("{error:?}").contains("error: Failed }") => Ok(()),
        Err(error) => Err(format!("{error:?}").into()),
    }
}

async fn dial(address: &str, test: &str, known: &[&str]) -> Outcome {
    let interval = if test == "ping" { Duration::from_millis(1) } else { SILENCE };
    let mut swarm = new_swarm(test == "tls", interval)?;
    swarm.dial(address.parse::<Multiaddr>()?)?;
    let mut node = Node::start(swarm);
    let dialled = node
        .next(|event| match event {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => Some(Ok(peer_id)),
            SwarmEvent::OutgoingConnectionError { error, .. } => Some(Err(error)),
            _ => None,
        })
        .await?;
    if test == "wrong-id" || test == "tls" {
        return check_refusal(dialled, test);
    }
    let info = node
        .next(|event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                info,
                ..
            })) => Some(info),
            _ => None,
        })
        .await?;
    hold(&mut node, dialled?, info, test, known).await?;
    node.stop().await
}

async fn listen(tls_only: bool) -> Outcome {
    let mut swarm = new_swarm(tls_only, SILENCE)?;
    let id = *swarm.local_peer_id();
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let mut node = Node::start(swarm);
    let address = node
        .next(|event| match event {
            SwarmEvent::NewListenAddr { address, .. } => Some(address),
            _ => None,
        })
        .await?;
    println!("listening {address}/p2p/{id}");
    tokio::io::stdin().read_to_end(&mut Vec::new()).await?;
    node.stop().await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["listen"] => listen(false).await,
        ["listen", "--tls-only"] => listen(true).await,
        ["dial", address, test, ref known @ ..] => dial(address, test, known).await,
        _ => Err("usage: peer listen [--tls-only] | peer dial ADDRESS TEST [ARGUMENT]...".into()),
    }
}
