// Reads one export of the graph with the program that it is for, and prints what that holds as JSON.
//   read.mjs MODULES cytoscape FILE    {"nodes": {id: {..}}, "edges": [[from, to, {..}]]}
//   read.mjs MODULES mermaid FILE...   {"boxes": [text], "links": [[from text, to text, text]]} of all diagrams
//   read.mjs MODULES drawio FILE       {"boxes": [text], "links": [[from text, to text, text]]}
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [modules, format, file] = process.argv.slice(2);
const require = createRequire(`${modules}/package.json`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const text = fs.readFileSync(file, 'utf8');

async function browser() {
  const { JSDOM } = require('jsdom');
  const { window } = new JSDOM('<!DOCTYPE html><body></body>');
  for (const name of ['document', 'DOMParser', 'XMLSerializer', 'Node', 'Element', 'HTMLElement', 'SVGElement', 'navigator']) {
    Object.defineProperty(globalThis, name, { configurable: true, value: window[name] });
  }
  globalThis.window = window;
  return window;
}

async function cytoscape() {
  const make = require('cytoscape');
  const cy = make({ headless: true, elements: JSON.parse(text).elements });
  const nodes = {};
  cy.nodes().forEach((node) => { nodes[node.id()] = node.data(); });
  return { nodes, edges: cy.edges().map((edge) => [edge.source().id(), edge.target().id(), edge.data()]) };
}

// Mermaid keeps entity codes in an encoding of its own until it draws.
const decoded = (text) => text.replace(/ﬂ°°(\d+)¶ß/g, (_, code) => String.fromCodePoint(Number(code)));

async function mermaid() {
  await browser();
  const path = require.resolve('mermaid');
  const { default: mermaid } = await import(pathToFileURL(path).href);
  mermaid.initialize({ startOnLoad: false });
  const fenced = [...text.matchAll(/^```mermaid\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
  const boxes = new Set();
  const links = [];
  for (const diagram of fenced.length ? fenced : [text]) {
    if (diagram.length > 50000) throw new Error('a diagram of over 50,000 characters');
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(diagram);
    const vertices = db.getVertices();
    for (const [id, vertex] of vertices) boxes.add(`${id} ${decoded(vertex.text)}`);
    const edges = db.getEdges();
    if (edges.length > 500) throw new Error('a diagram of over 500 edges');
    for (const { start, end, text } of edges) links.push([start, end, decoded(text)]);
  }
  return { boxes: [...boxes], links };
}

async function drawio() {
  const window = await browser();
  const { GraphDataModel, ModelXmlSerializer } = await load('@maxgraph/core');
  const document = new window.DOMParser().parseFromString(text, 'application/xml');
  const model = new GraphDataModel();
  const [xml] = document.getElementsByTagName('mxGraphModel');
  new ModelXmlSerializer(model).import(new window.XMLSerializer().serializeToString(xml));
  const cells = Object.values(model.cells);
  return {
    boxes: cells.filter((cell) => cell.isVertex() && cell.id.startsWith('n')).map((cell) => `${cell.id} ${cell.value}`),
    links: cells.filter((cell) => cell.isEdge()).map((cell) => [cell.source.id, cell.target.id, cell.value]),
  };
}

process.stdout.write(JSON.stringify(await { cytoscape, mermaid, drawio }[format]()));
