import { connect, createServer, type Server, type Socket } from 'node:net';

/** Lies between a browser and a server, and can be pulled out. */
export class Cable {
  readonly url: string;
  private readonly to: URL;
  private readonly sockets = new Set<Socket>();
  private server: Server;

  private constructor(server: Server, port: number, to: URL) {
    this.server = server;
    this.to = to;
    this.url = `http://127.0.0.1:${port}`;
    server.on('connection', (socket) => this.join(socket));
  }

  static async lay(to: string): Promise<Cable> {
    const server = createServer();
    await listening(server, 0);
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('no port');
    return new Cable(server, address.port, new URL(to));
  }

  /** Ends every connection, and takes no more. */
  async pull(): Promise<void> {
    const closed = new Promise((done) => this.server.close(done));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** Puts it back where it was. */
  async plug(): Promise<void> {
    this.server = createServer((socket) => this.join(socket));
    await listening(this.server, Number(new URL(this.url).port));
  }

  private join(near: Socket): void {
    const far = connect(Number(this.to.port), this.to.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
    }
  }
}

const listening = (server: Server, port: number): Promise<void> =>
  new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
