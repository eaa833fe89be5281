import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const PROGRAM = resolve(process.env.RINGFLEET_BIN ?? '../target/debug/ringfleet');
/** Longest wait for a server to begin, in milliseconds. */
const SOON = 60_000;

/** A whole Ringfleet of its own: `ringfleet up` on an empty folder. */
export class Server {
  readonly url: string;
  private readonly folder: string;
  private readonly process: ChildProcess;

  private constructor(url: string, folder: string, process: ChildProcess) {
    this.url = url;
    this.folder = folder;
    this.process = process;
  }

  /** With settings of its own, as the environment says them. */
  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Server> {
    const folder = await mkdtemp(join(tmpdir(), 'ringfleet-dashboard-'));
    const url = `http://127.0.0.1:${await freePort()}`;
    // Tests ask more in a minute than people do.
    const quota = { RINGFLEET_API__REQUESTS_PER_MINUTE: '60000', RINGFLEET_API__BURST: '10000' };
    const env = { ...environment(), ...quota, RINGFLEET_API__BASE_URL: url, ...settings };
    const child = spawn(PROGRAM, ['up', '--data', folder, '--listen', new URL(url).host], { env });
    await begun(child);
    return new Server(url, folder, child);
  }

  /** Makes an API key, and its workspace where there is none of that name. */
  async key(...args: string[]): Promise<string> {
    const all = ['key', 'create', '--workspace', 'Acme', '--data', this.folder, ...args];
    const { stdout } = await promisify(execFile)(PROGRAM, all, { env: environment() });
    return stdout.trim();
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.process.once('exit', done));
    this.process.kill('SIGKILL');
    await ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Without settings that are meant for another Ringfleet. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(RINGFLEET_|DATABASE_URL|REDIS_URL)/.test(name));
  return Object.fromEntries(kept);
}

function begun(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    let said = '';
    const timer = setTimeout(() => fail(new Error(`the server has not begun: ${said}`)), SOON);
    const hear = (part: Buffer) => {
      said = `${said}${part}`.slice(-10_000);
      if (!said.includes('listening on')) return;
      clearTimeout(timer);
      done();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('error', fail);
    child.once('exit', (code) => fail(new Error(`the server ended with ${code}: ${said}`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer().once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address ? done(address.port) : fail(new Error('no port'))));
    });
  });
}
