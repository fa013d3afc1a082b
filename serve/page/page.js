// page.js - asks serve and puts the answers into tables.  Texts become text nodes, never HTML.
'use strict';

const byId = (id) => document.getElementById(id);
const number = new Intl.NumberFormat('en-US');
const SLOW_MS = 3000; // windows and dead letters are asked in SQL, less often

const WINDOWS = `SELECT pipeline, query, state, window_start, window_end, rows AS records, row_count AS "keys, results"
FROM windows ORDER BY state = 'open' DESC, window_end DESC, query LIMIT 40`;
const DEAD = `SELECT program, coalesce(pipeline, '') AS pipeline, coalesce(table_name, '') AS "table", code,
count(*) AS letters, max(clock) AS last, min(reason) AS "for example"
FROM dead_letters GROUP BY 1, 2, 3, 4 ORDER BY letters DESC LIMIT 40`;

let paused = false;
let timer = 0;
let asking = false;
let slowAt = 0;

// ---- tables ----

function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

// columns: [title, of a row its text or [text, class], 'n' for numbers]
function fill(id, columns, rows, nothing) {
  const place = byId(id);
  if (rows.length === 0) {
    place.replaceChildren(element('p', nothing, 'dim'));
    return;
  }
  const table = element('table');
  const head = table.createTHead().insertRow();
  for (const [title, , kind] of columns) {
    const cell = element('th', title, kind);
    cell.scope = 'col';
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const [, text, kind] of columns) {
      const value = text(row);
      const [shown, mark] = Array.isArray(value) ? value : [value, ''];
      line.append(element('td', shown, [kind, mark].filter(Boolean).join(' ')));
    }
  }
  place.replaceChildren(table);
}

const count = (n) => (n === null || n === undefined ? '–' : number.format(n));
const instant = (ms) => (ms === null ? '–' : new Date(ms).toISOString().replace('T', ' ').replace(/\.000Z$/, 'Z'));

function ago(ms, now) {
  if (ms === null) return '–';
  const s = Math.round((now - ms) / 1000);
  if (s < 0) return `in ${-s} s`;
  return s < 120 ? `${s} s ago` : s < 7200 ? `${Math.round(s / 60)} min ago` : instant(ms);
}

const alarm = (n, mark) => [count(n), n > 0 ? mark : ''];

// ---- what serve says ----

function showState(state) {
  const now = state.now_ms;
  byId('instance').textContent = state.instance;
  byId('verdict').textContent = state.ready ? 'ready' : 'not ready';
  byId('verdict').className = state.ready ? 'good' : 'bad';
  byId('reasons').hidden = state.reasons.length === 0;
  byId('reasons').replaceChildren(...state.reasons.map((r) => element('li', `${r.check} ${r.of}: ${r.text}`, 'bad')));
  fill('t-topics', [
    ['topic', (p) => p.topic],
    ['partition', (p) => String(p.partition), 'n'],
    ['position', (p) => count(p.position), 'n'],
    ['end', (p) => count(p.end), 'n'],
    ['lag', (p) => alarm(p.lag, 'wait'), 'n'],
    ['state', (p) => [p.state, p.stopped ? 'bad' : '']],
    ['dead', (p) => alarm(p.dead, 'wait'), 'n'],
    ['watermark', (p) => p.readers.map((r) => instant(r.watermark_ms)).join(', ') || '–'],
    ['holds the watermark of', (p) => p.readers.filter((r) => r.holds).map((r) => r.pipeline).join(', ')
      || (p.readers.some((r) => r.idle) ? ['idle', 'dim'] : '')],
  ], state.partitions, 'ingest has no partitions yet');
  fill('t-pipelines', [
    ['pipeline', (p) => p.pipeline],
    ['step', (p) => count(p.step), 'n'],
    ['behind', (p) => alarm(p.behind, 'wait'), 'n'],
    ['watermark', (p) => instant(p.watermark_ms)],
    ['rows', (p) => count(p.rows), 'n'],
    ['late', (p) => alarm(p.late, 'wait'), 'n'],
    ['dead', (p) => alarm(p.dead, 'wait'), 'n'],
    ['results', (p) => count(p.results), 'n'],
    ['last step', (p) => ago(p.clock_ms, now)],
  ], state.pipelines, 'there is no pipeline');
  fill('t-sinks', [
    ['pipeline', (s) => s.pipeline],
    ['sink', (s) => s.sink],
    ['state', (s) => [s.state, { stopped: 'bad', waiting: 'wait', running: 'good' }[s.state] || 'dim']],
    ['confirmed', (s) => count(s.confirmed), 'n'],
    ['waiting', (s) => alarm(s.waiting, 'wait'), 'n'],
    ['refused', (s) => alarm(s.refused, 'bad'), 'n'],
    ['retries', (s) => count(s.retries), 'n'],
    ['last', (s) => ago(s.confirmed_ms, now)],
    ['error', (s) => s.error, 'long'],
  ], state.sinks, 'there is no sink');
  fill('t-programs', [
    ['program', (p) => p.program],
    ['runs', (p) => (p.running ? (p.silent ? ['silent', 'bad'] : ['yes', 'good']) : ['no', p.state === 'done' ? 'dim' : 'bad'])],
    ['pid', (p) => (p.pid ? String(p.pid) : '–'), 'n'],
    ['last sign', (p) => ago(p.beat_ms, now)],
    ['state', (p) => p.state, 'long'],
  ], state.programs, '');
  byId('when').textContent = `as of ${instant(now)}`;
}

function showRows(id, answer, nothing) {
  const isNumber = (name) => answer.rows.every((r) => r[name] === null || typeof r[name] === 'number');
  fill(id, answer.columns.map((name) => [
    name,
    (row) => (row[name] === null ? ['–', 'dim'] : typeof row[name] === 'number' ? count(row[name]) : String(row[name])),
    isNumber(name) ? 'n' : String(name).match(/for example|reason|about|columns|row|value/) ? 'long' : '',
  ]), answer.rows, nothing);
}

async function read(path, body) {
  const answer = await fetch(path, body === undefined ? {} : { method: 'POST', body });
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.detail ? `${data.error}\n${data.detail}` : data.error);
  return data;
}

async function look() {
  if (asking) return;
  asking = true;
  try {
    showState(await read('/state'));
    if (Date.now() - slowAt >= SLOW_MS) {
      slowAt = Date.now();
      showRows('t-windows', await read('/query', WINDOWS), 'no window is open, and none that closed is still in the outbox');
      showRows('t-dead', await read('/query', DEAD), 'there are none');
    }
  } catch (e) {
    byId('verdict').textContent = e instanceof TypeError ? 'serve does not answer; asking again' : e.message;
    byId('verdict').className = 'bad';
  } finally {
    asking = false;
    document.body.dataset.looks = String(Number(document.body.dataset.looks || 0) + 1);
  }
}

// ---- time passes ----

function schedule() {
  clearInterval(timer);
  timer = 0;
  if (paused || document.hidden) return;
  timer = setInterval(look, Number(byId('every').value));
  look();
}

byId('pause').addEventListener('click', () => {
  paused = !paused;
  byId('pause').textContent = paused ? 'Go on' : 'Pause';
  byId('pause').setAttribute('aria-pressed', String(paused));
  schedule();
});
byId('every').addEventListener('change', schedule);
document.addEventListener('visibilitychange', schedule);

byId('statement').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) byId('ask').requestSubmit();
});
byId('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  byId('asked').textContent = 'asking …';
  byId('asked').className = '';
  try {
    const answer = await read('/query', byId('statement').value);
    byId('asked').textContent = `${count(answer.rows.length)} rows${answer.more ? ', and more' : ''}`;
    showRows('t-sql', answer, 'no rows');
  } catch (e) {
    byId('asked').textContent = e instanceof TypeError ? 'serve does not answer' : e.message;
    byId('asked').className = 'bad';
  }
});

schedule();
