import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that has come. */
export interface Heard {
  headers: IncomingHttpHeaders;
  body: string;
}

/** Somebody's server that takes webhooks, or refuses them. */
export class Receiver {
  readonly heard: Heard[] = [];
  /** What it answers from now on. */
  status = 200;
  readonly url: string;
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  }

  static async start(): Promise<Receiver> {
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const receiver = new Receiver(server);
    server.on('request', async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      receiver.heard.push({ headers: request.headers, body });
      response.writeHead(receiver.status).end(`the answer is ${receiver.status}`);
    });
    return receiver;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

/** Whether a request was signed with this secret (Standard Webhooks). */
export function isSigned({ headers, body }: Heard, secret: string): boolean {
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const expected = `v1,${createHmac('sha256', key).update(signed).digest('base64')}`;
  return String(headers['webhook-signature']).split(' ').includes(expected);
}
