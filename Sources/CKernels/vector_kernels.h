/* Kernels over `lanes`, compiled once for each instruction set: the file that includes this one
 * has defined the lanes (lanes_*.h) and set the target. */

#define ROW_VECTORS (CK_TILE / LANES)
#define KEY_VECTORS (CK_KEYS / LANES)
/* Columns of a weight panel that stay in the first-level cache: 256 x 16 floats are 16 KiB. */
#define PANEL_COLUMNS 256
#define LOG2_E 1.44269504088896340736f

/* 2^x, relative error below 3e-7; NaN stays NaN; 0 below -126.5. The polynomial is the Taylor
 * series of 2^f on |f| <= 1/2, whose seventh term is below 2^-26. */
ALWAYS_INLINE lanes exp2_lanes(lanes x) {
  x = least(all(128), most(all(-127), x));
  lanes whole = nearest(x), f = sub(x, whole);
  lanes p = all(1.5403530393381609e-4f);
  p = multiply_add(p, f, all(1.3333558146428443e-3f));
  p = multiply_add(p, f, all(9.618129107628477e-3f));
  p = multiply_add(p, f, all(5.550410866482158e-2f));
  p = multiply_add(p, f, all(2.402265069591007e-1f));
  p = multiply_add(p, f, all(6.931471805599453e-1f));
  p = multiply_add(p, f, all(1));
  return mul(p, power_of_two(whole));
}

/* ---- Products with packed weights ---- */

ALWAYS_INLINE void panel_codes4(float *out, const uint8_t *tile, size_t columns, size_t first,
                                size_t count) {
  const uint8_t *codes = tile + first * 8;
  const ck_half *scales = (const ck_half *)(tile + columns * 8) + first;
  for (size_t b = 0; b < count / CK_BLOCK; b++, out += CK_BLOCK * CK_TILE)
    for (size_t w = 0; w < ROW_VECTORS; w++) {
      lanes d = load_half(scales + b * 32 + w * LANES);
      lanes m = load_half(scales + b * 32 + 16 + w * LANES);
      for (size_t v = 0; v < 4; v++) {
        const uint8_t *group = codes + b * 256 + v * 64 + w * LANES * 4;
        float *low = out + 4 * v * CK_TILE + w * LANES, *high = low + 16 * CK_TILE;
#pragma unroll
        for (int j = 0; j < 4; j++) {
          save(low + j * CK_TILE, multiply_add(nibbles(group, 8 * j), d, m));
          save(high + j * CK_TILE, multiply_add(nibbles(group, 8 * j + 4), d, m));
        }
      }
    }
}

ALWAYS_INLINE void panel_codes8(float *out, const uint8_t *tile, size_t columns, size_t first,
                                size_t count) {
  const uint8_t *codes = tile + first * 16;
  const ck_half *scales = (const ck_half *)(tile + columns * 16) + first / 2;
  for (size_t b = 0; b < count / CK_BLOCK; b++, out += CK_BLOCK * CK_TILE)
    for (size_t w = 0; w < ROW_VECTORS; w++) {
      lanes d = load_half(scales + b * 16 + w * LANES);
      for (size_t g = 0; g < 8; g++) {
        const uint8_t *group = codes + b * 512 + g * 64 + w * LANES * 4;
        float *to = out + 4 * g * CK_TILE + w * LANES;
#pragma unroll
        for (int j = 0; j < 4; j++) save(to + j * CK_TILE, mul(signed_bytes(group, 8 * j), d));
      }
    }
}

ALWAYS_INLINE void panel_fine8(float *out, const uint8_t *tile, size_t columns, size_t first,
                               size_t count) {
  const int8_t *fine = (const int8_t *)tile + columns * 16;
  const ck_half *coarse = (const ck_half *)(fine + columns);
  for (size_t k = first; k < first + count; k += 16, out += 16 * CK_TILE)
    for (size_t w = 0; w < ROW_VECTORS; w++) {
      float scales[LANES];
      for (size_t i = 0; i < LANES; i++) scales[i] = fine[k + w * LANES + i];
      lanes d = mul(load(scales), load_half(coarse + k / CK_SUPERBLOCK * 16 + w * LANES));
      for (size_t g = 0; g < 4; g++) {
        const uint8_t *group = tile + k * 16 + g * 64 + w * LANES * 4;
        float *to = out + 4 * g * CK_TILE + w * LANES;
#pragma unroll
        for (int j = 0; j < 4; j++) save(to + j * CK_TILE, mul(signed_bytes(group, 8 * j), d));
      }
    }
}

static void panel(float *out, const void *tile, ck_packing packing, size_t columns, size_t first,
                  size_t count) {
  const uint16_t *halves = (const uint16_t *)tile + first * CK_TILE;
  switch (packing) {
  case CK_PACKING_CODES4:
    panel_codes4(out, tile, columns, first, count);
    return;
  case CK_PACKING_CODES8:
    panel_codes8(out, tile, columns, first, count);
    return;
  case CK_PACKING_FINE8:
    panel_fine8(out, tile, columns, first, count);
    return;
  case CK_PACKING_HALF:
    for (size_t i = 0; i < count * CK_TILE; i += LANES) save(out + i, load_half(halves + i));
    return;
  case CK_PACKING_BRAIN:
    for (size_t i = 0; i < count * CK_TILE; i += LANES) save(out + i, load_brain(halves + i));
    return;
  case CK_PACKING_FLOAT:
    memcpy(out, (const float *)tile + first * CK_TILE, count * CK_TILE * sizeof *out);
    return;
  }
}

/* What the second factor of a register tile is kept as. */
typedef enum cell { CELL_FLOAT, CELL_HALF, CELL_CODE } cell;

ALWAYS_INLINE lanes load_cells(cell kind, const void *p, size_t at) {
  if (kind == CELL_HALF) return load_half((const ck_half *)p + at);
  if (kind == CELL_CODE) return load_codes((const int8_t *)p + at);
  return load((const float *)p + at);
}

/* The register tile: c [rows, vectors * LANES] = or += (a [rows, depth] . b [depth, ...]) * scales,
 * `scales` being one for each column or NULL. Inlined with constant `rows`, `vectors` and `kind`.
 *
 * Every product sums CK_BLOCK terms from zero, in order, and then adds them to what it has: so a
 * row's result has the same bits however many rows are computed with it, and one row's blocks do
 * not wait for each other. Callers give at most CK_BLOCK of depth at a time. */
ALWAYS_INLINE void register_tile(int rows, int vectors, cell kind, float *c, size_t c_stride,
                                 const float *a, size_t a_stride, const void *b, size_t b_stride,
                                 const ck_half *scales, size_t depth, int accumulate) {
  lanes sums[PRODUCT_ROWS][4];
#pragma unroll
  for (int i = 0; i < rows; i++)
#pragma unroll
    for (int v = 0; v < vectors; v++) sums[i][v] = all(0);
  for (size_t k = 0; k < depth; k++) {
    lanes column[4];
#pragma unroll
    for (int v = 0; v < vectors; v++)
      column[v] = load_cells(kind, b, k * b_stride + (size_t)v * LANES);
#pragma unroll
    for (int i = 0; i < rows; i++) {
      lanes element = all(a[(size_t)i * a_stride + k]);
#pragma unroll
      for (int v = 0; v < vectors; v++) sums[i][v] = multiply_add(element, column[v], sums[i][v]);
    }
  }
#pragma unroll
  for (int v = 0; v < vectors; v++) {
    lanes scale = scales ? load_half(scales + v * LANES) : all(1);
#pragma unroll
    for (int i = 0; i < rows; i++) {
      float *cell = c + (size_t)i * c_stride + v * LANES;
      lanes sum = scales ? mul(sums[i][v], scale) : sums[i][v];
      save(cell, accumulate ? add(load(cell), sum) : sum);
    }
  }
}

/* The same for any depth: `b` has cells of `kind` from its first column on. */
ALWAYS_INLINE void deep_tile(int rows, int vectors, cell kind, float *c, size_t c_stride,
                             const float *a, size_t a_stride, const void *b, size_t b_stride,
                             const ck_half *scales, size_t depth, int accumulate) {
  size_t size = kind == CELL_FLOAT ? sizeof(float) : kind == CELL_HALF ? sizeof(ck_half) : 1;
  for (size_t first = 0; first < depth; first += CK_BLOCK)
    register_tile(rows, vectors, kind, c, c_stride, a + first, a_stride,
                  (const char *)b + first * b_stride * size, b_stride, scales,
                  depth - first < CK_BLOCK ? depth - first : CK_BLOCK, accumulate || first > 0);
}

/* c [rows, 16] = or += a . b, for any number of rows. */
static void rows_by_tile(float *c, size_t c_stride, const float *a, size_t a_stride, size_t rows,
                         const float *b, size_t b_stride, size_t depth, int accumulate) {
  size_t i = 0;
  for (; i + PRODUCT_ROWS <= rows; i += PRODUCT_ROWS)
    deep_tile(PRODUCT_ROWS, ROW_VECTORS, CELL_FLOAT, c + i * c_stride, c_stride, a + i * a_stride,
              a_stride, b, b_stride, NULL, depth, accumulate);
#if PRODUCT_ROWS > 8
  for (; i + 8 <= rows; i += 8)
    deep_tile(8, ROW_VECTORS, CELL_FLOAT, c + i * c_stride, c_stride, a + i * a_stride, a_stride, b,
              b_stride, NULL, depth, accumulate);
#endif
  for (; i + 4 <= rows; i += 4)
    deep_tile(4, ROW_VECTORS, CELL_FLOAT, c + i * c_stride, c_stride, a + i * a_stride, a_stride, b,
              b_stride, NULL, depth, accumulate);
  for (; i + 2 <= rows; i += 2)
    deep_tile(2, ROW_VECTORS, CELL_FLOAT, c + i * c_stride, c_stride, a + i * a_stride, a_stride, b,
              b_stride, NULL, depth, accumulate);
  for (; i < rows; i++)
    deep_tile(1, ROW_VECTORS, CELL_FLOAT, c + i * c_stride, c_stride, a + i * a_stride, a_stride, b,
              b_stride, NULL, depth, accumulate);
}

static void product(float *out, size_t out_stride, const float *x, size_t x_stride, size_t rows,
                    const void *tile, ck_packing packing, size_t columns, int accumulate) {
  _Alignas(64) float weights[PANEL_COLUMNS * CK_TILE];
  for (size_t first = 0; first < columns; first += PANEL_COLUMNS) {
    size_t depth = columns - first < PANEL_COLUMNS ? columns - first : PANEL_COLUMNS;
    panel(weights, tile, packing, columns, first, depth);
    rows_by_tile(out, out_stride, x + first, x_stride, rows, weights, CK_TILE, depth,
                 accumulate || first > 0);
  }
}

/* ---- Row operations ---- */

static void rms_norm(float *out, const float *x, const float *weight, size_t width, float epsilon) {
  lanes squares[2] = {all(0), all(0)};
  size_t i = 0;
  for (; i + 2 * LANES <= width; i += 2 * LANES)
    for (size_t v = 0; v < 2; v++) {
      lanes part = load(x + i + v * LANES);
      squares[v] = multiply_add(part, part, squares[v]);
    }
  float sum = sum_of(add(squares[0], squares[1]));
  for (size_t j = i; j < width; j++) sum += x[j] * x[j];
  float factor = 1 / sqrtf(sum / (float)width + epsilon);
  for (i = 0; i + LANES <= width; i += LANES)
    save(out + i, mul(mul(load(x + i), all(factor)), load(weight + i)));
  for (; i < width; i++) out[i] = x[i] * factor * weight[i];
}

static void rotate(float *x, const float *cosines, const float *sines, size_t heads, size_t width,
                   size_t pairs) {
  for (size_t h = 0; h < heads; h++, x += width) {
    size_t i = 0;
    for (; i + LANES / 2 <= pairs; i += LANES / 2)
      save(x + 2 * i,
           rotate_pairs(load(x + 2 * i), twice_each(cosines + i), twice_each(sines + i)));
    for (; i < pairs; i++) {
      float a = x[2 * i], b = x[2 * i + 1];
      x[2 * i] = a * cosines[i] - b * sines[i];
      x[2 * i + 1] = a * sines[i] + b * cosines[i];
    }
  }
}

static void swiglu(float *gate, const float *up, size_t rows, size_t columns, size_t stride) {
  for (size_t i = 0; i < rows; i++, gate += stride, up += stride)
    for (size_t c = 0; c < columns; c += LANES) {
      lanes g = load(gate + c);
      lanes inverse = add(all(1), exp2_lanes(mul(g, all(-LOG2_E))));
      save(gate + c, mul(divide(g, inverse), load(up + c)));
    }
}

static float largest_of(const float *x, size_t count) {
  lanes largest = all(-INFINITY);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) largest = most(largest, load(x + i));
  float result = most_of(largest);
  for (; i < count; i++) result = x[i] > result ? x[i] : result;
  return result;
}

static void softmax(float *x, size_t count) {
  lanes offset = all(-largest_of(x, count) * LOG2_E), sums = all(0);
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) {
    lanes e = exp2_lanes(multiply_add(load(x + i), all(LOG2_E), offset));
    sums = add(sums, e);
    save(x + i, e);
  }
  float rest[LANES], sum = sum_of(sums);
  size_t remaining = count - i;
  for (size_t j = 0; j < LANES; j++) rest[j] = j < remaining ? x[i + j] : -INFINITY;
  save(rest, exp2_lanes(multiply_add(load(rest), all(LOG2_E), offset)));
  for (size_t j = 0; j < remaining; j++) sum += x[i + j] = rest[j];
  float factor = 1 / sum;
  for (i = 0; i + LANES <= count; i += LANES) save(x + i, mul(load(x + i), all(factor)));
  for (; i < count; i++) x[i] *= factor;
}

static float log_sum_exp(const float *x, size_t count) {
  float largest = largest_of(x, count);
  lanes offset = all(-largest * LOG2_E), sums[2] = {all(0), all(0)};
  size_t i = 0;
  for (; i + 2 * LANES <= count; i += 2 * LANES)
    for (size_t v = 0; v < 2; v++) {
      lanes scaled = multiply_add(load(x + i + v * LANES), all(LOG2_E), offset);
      sums[v] = add(sums[v], exp2_lanes(scaled));
    }
  float sum = sum_of(add(sums[0], sums[1]));
  for (; i < count; i++) sum += expf(x[i] - largest);
  return largest + logf(sum);
}

/* Two passes: the value, then its first place. Comparisons pass NaNs over. */
static size_t index_of_greatest(const float *x, size_t count) {
  float greatest = -INFINITY;
  for (size_t i = 0; i < count; i += 1024) {
    size_t end = i + 1024 < count ? i + 1024 : count;
    float part = -INFINITY;
    for (size_t j = i; j < end; j++) part = x[j] > part ? x[j] : part;
    greatest = part > greatest ? part : greatest;
  }
  for (size_t i = 0; i < count; i++)
    if (x[i] == greatest) return i;
  return 0;
}

static void to_half(ck_half *out, const float *x, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) save_half(out + i, load(x + i));
  for (; i < count; i++) out[i] = ck_float_to_half(x[i]);
}

static void from_half(float *out, const ck_half *x, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) save(out + i, load_half(x + i));
  for (; i < count; i++) out[i] = ck_half_to_float(x[i]);
}

static void store(ck_half *keys, ck_half *values, const float *key, const float *value,
                  size_t width, size_t slot) {
  to_half(values + slot * width, value, width);
  ck_half part[LANES];
  for (size_t c = 0; c < width; c += LANES) {
    save_half(part, load(key + c));
    for (size_t i = 0; i < LANES; i++) keys[(c + i) * CK_KEYS + slot] = part[i];
  }
}
