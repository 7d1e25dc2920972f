// The live person within a 3D scene, in some 60 lines. The server sends JPEG files twice as wide as the picture: on the left
// its colours, premultiplied, on the right its alpha as grey. We ask for the next when the last is drawn: no lag builds up.
const canvas = document.getElementById("scene");
const gl = canvas.getContext("webgl", { antialias: true });

function program(vertex, fragment) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, `precision mediump float;${fragment}`]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text), gl.compileShader(shader), gl.attachShader(made, shader);
  }
  gl.bindAttribLocation(made, 0, "p"), gl.linkProgram(made);
  return Object.assign((name) => gl.getUniformLocation(made, name), { use: () => gl.useProgram(made) });
}
const person = program(`attribute vec3 p; uniform vec2 fit; varying vec2 at;
  void main() { at = vec2(.5 + p.x, .5 - p.y); gl_Position = vec4(p.xy * 2. * fit - vec2(0., 1. - fit.y), 0., 1.); }`,
`uniform sampler2D both; varying vec2 at; void main() { vec2 left = vec2(min(at.x * .5, .499), at.y);
    gl_FragColor = vec4(texture2D(both, left).rgb, texture2D(both, left + vec2(.5, 0.)).r); }`);
const cube = program(`attribute vec3 p; uniform vec4 place; uniform float wide; varying vec3 body;
  void main() { float c = cos(place.w), s = sin(place.w); body = p;
    vec3 q = mat3(c, 0, -s, 0, 1, 0, s, 0, c) * mat3(1, 0, 0, 0, c, s, 0, -s, c) * p * .3 + place.xyz;
    float far = 3. - q.z; gl_Position = vec4(q.x * 2. / wide, q.y * 2., -q.z * far / 3., far); }`,
`uniform vec3 tint; varying vec3 body; void main() { vec3 a = abs(body) * 2.;
    gl_FragColor = vec4(tint * (a.y > max(a.x, a.z) ? 1. : a.x > a.z ? .82 : .66), 1.); }`);

// Twelve triangles of a cube; the first two of them, flattened, are the rectangle that the person is shown on.
const sides = [[0, 1, 2], [0, 2, 1], [1, 2, 0]].flatMap(([i, j, k]) => [-0.5, 0.5].flatMap((depth) =>
  [[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]].flatMap(([u, v]) => Object.assign([], { [i]: u / 2, [j]: v / 2, [k]: depth }))));
gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(sides), gl.STATIC_DRAW);
gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
gl.enableVertexAttribArray(0);
gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
for (const on of [gl.DEPTH_TEST, gl.BLEND]) gl.enable(on);
gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA); // premultiplied

let shape = 0; // width through height of the person's picture, 0 before the first
function draw(now) {
  const wide = innerWidth / innerHeight;
  [canvas.width, canvas.height] = [innerWidth * devicePixelRatio, innerHeight * devicePixelRatio];
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  cube.use();
  gl.uniform1f(cube("wide"), wide);
  for (let n = 0; n < 7; n++) { // they go round the person, before and behind
    const way = now / 4000 + n * 0.9;
    gl.uniform4f(cube("place"), 1.25 * Math.sin(way), 0.35 * Math.cos(way * 0.7 + n), 1.1 * Math.cos(way), way * 1.5);
    gl.uniform3f(cube("tint"), 0.98, 0.72 + 0.03 * n, 0.42 + 0.06 * n);
    gl.drawArrays(gl.TRIANGLES, 0, 36);
  }
  person.use();
  gl.uniform2f(person("fit"), Math.min(1, shape / wide), Math.min(1, wide / (shape || 1)));
  if (shape) gl.drawArrays(gl.TRIANGLES, 0, 6);
  requestAnimationFrame(draw);
}
function connect() {
  const socket = new WebSocket(`${new URL("ws", document.baseURI).href.replace(/^http/, "ws")}?alpha=packed`);
  socket.onopen = () => socket.send("next");
  socket.onclose = () => setTimeout(connect, 1000);
  socket.onmessage = async ({ data }) => {
    const picture = await createImageBitmap(data);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, picture);
    shape = picture.width / 2 / picture.height;
    socket.send("next");
  };
}
connect();
requestAnimationFrame(draw);
