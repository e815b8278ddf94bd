/* Attention over `lanes`; included after vector_kernels.h. Scores are kept in base 2: queries are
 * scaled by log2(e) as well, so that softmax needs exp2 only. */

typedef struct attention_scratch {
  float *queries; /* [rows, width], scaled */
  float *sums;    /* [rows, width], the running output */
  float *scores;  /* [rows, CK_KEYS] */
  float *keys;    /* [width, CK_KEYS] */
  float *values;  /* [CK_KEYS, width] */
  float *largest; /* [rows] */
  float *total;   /* [rows] */
} attention_scratch;

static attention_scratch divide_scratch(float *scratch, size_t width) {
  attention_scratch s;
  s.queries = scratch;
  s.sums = s.queries + CK_FLASH_ROWS * width;
  s.scores = s.sums + CK_FLASH_ROWS * width;
  s.keys = s.scores + CK_FLASH_ROWS * CK_KEYS;
  s.values = s.keys + width * CK_KEYS;
  s.largest = s.values + CK_KEYS * width;
  s.total = s.largest + CK_FLASH_ROWS;
  return s;
}

/* Rows first..<first + rows of a tile's queries, scaled and side by side; turned where the keys are
 * codes. Row = position * group + head. */
static void gather_queries(float *out, const ck_query_tile *tile, const float *queries,
                           size_t first, size_t rows, int are_codes) {
  float turned = are_codes ? (float)ck_hadamard_size(tile->width) : 1;
  lanes factor = all(tile->scale * LOG2_E / turned);
  for (size_t row = first; row < first + rows; row++, out += tile->width) {
    const float *query =
        queries + row / tile->group * tile->stride + row % tile->group * tile->width;
    for (size_t c = 0; c < tile->width; c += LANES) save(out + c, mul(load(query + c), factor));
    if (are_codes) ck_hadamard(out, tile->width);
  }
}

/* The columns of a block that any row of the tile sees, widened to whole groups of 16. Sums over
 * columns begin at a multiple of CK_BLOCK, so that masked columns, which add nothing, do not change
 * how the others are grouped. */
typedef struct column_range {
  size_t low, high;
  int is_masked; /* whether some row sees less */
} column_range;

static column_range columns_seen(const ck_query_tile *tile, const ck_key_block *block) {
  int32_t last = tile->position + (int32_t)tile->positions - 1;
  int32_t low = visible_low(block, tile->position), high = visible_high(block, last);
  column_range range = {0, 0, 0};
  if (low >= high) return range;
  range.low = (size_t)low / CK_BLOCK * CK_BLOCK;
  range.high = ((size_t)high + 15) / 16 * 16;
  range.is_masked = visible_low(block, last) > (int32_t)range.low ||
                    visible_high(block, tile->position) < (int32_t)range.high;
  return range;
}

/* What a cache holds as rows of `stride` cells: halves, or codes, whose columns may have scales. */
typedef struct cache_matrix {
  const ck_half *halves;
  const int8_t *codes;
  const ck_half *scales;
  size_t stride;
} cache_matrix;

static cache_matrix keys_from(const ck_key_block *block, size_t first) {
  cache_matrix keys = {NULL, NULL, NULL, CK_KEYS};
  if (block->keys) {
    keys.halves = block->keys + first;
  } else {
    keys.codes = block->key_codes + first;
    keys.scales = block->key_scales + first;
  }
  return keys;
}

/* Without the scales of codes, which the weights of the values take over (`scale_weights`). */
static cache_matrix values_from(const ck_key_block *block, size_t first, size_t width) {
  cache_matrix values = {NULL, NULL, NULL, width};
  if (block->values) values.halves = block->values + first * width;
  else values.codes = block->value_codes + first * width;
  return values;
}

/* Up to three rows straight from the cells. Four vectors wide while they last, so that the sums'
 * latency is hidden. */
ALWAYS_INLINE void few_rows(int rows, cell kind, float *c, size_t c_stride, const float *a,
                            size_t a_stride, const void *b, const cache_matrix *matrix,
                            size_t columns, size_t depth, int accumulate) {
  size_t j = 0, size = kind == CELL_HALF ? sizeof(ck_half) : 1;
  for (; j + 4 * LANES <= columns; j += 4 * LANES)
    deep_tile(rows, 4, kind, c + j, c_stride, a, a_stride, (const char *)b + j * size,
              matrix->stride, matrix->scales ? matrix->scales + j : NULL, depth, accumulate);
  for (; j < columns; j += 16)
    deep_tile(rows, ROW_VECTORS, kind, c + j, c_stride, a, a_stride, (const char *)b + j * size,
              matrix->stride, matrix->scales ? matrix->scales + j : NULL, depth, accumulate);
}

/* Many rows, which share the cells as floats. */
static void many_rows(float *c, size_t c_stride, const float *a, size_t a_stride, size_t rows,
                      const cache_matrix *b, float *floats, size_t columns, size_t depth,
                      int accumulate) {
  size_t stride = b->stride;
  for (size_t k = 0; k < depth; k++)
    for (size_t j = 0; j < columns; j += LANES)
      save(floats + k * stride + j, b->halves ? load_half(b->halves + k * stride + j)
                                              : load_codes(b->codes + k * stride + j));
  for (size_t j = 0; j < columns; j += 16) {
    const ck_half *scales = b->scales ? b->scales + j : NULL;
    size_t i = 0;
    for (; i + PRODUCT_ROWS <= rows; i += PRODUCT_ROWS)
      deep_tile(PRODUCT_ROWS, ROW_VECTORS, CELL_FLOAT, c + i * c_stride + j, c_stride,
                a + i * a_stride, a_stride, floats + j, stride, scales, depth, accumulate);
    for (; i + 3 <= rows; i += 3)
      deep_tile(3, ROW_VECTORS, CELL_FLOAT, c + i * c_stride + j, c_stride, a + i * a_stride,
                a_stride, floats + j, stride, scales, depth, accumulate);
    for (; i < rows; i++)
      deep_tile(1, ROW_VECTORS, CELL_FLOAT, c + i * c_stride + j, c_stride, a + i * a_stride,
                a_stride, floats + j, stride, scales, depth, accumulate);
  }
}

/* c [rows, columns] = or += a [rows, depth] . b [depth, columns]. A row gets the same bits however
 * many there are. `floats` holds b as floats where many rows share it. */
static void cache_product(float *c, size_t c_stride, const float *a, size_t a_stride, size_t rows,
                          cache_matrix b, float *floats, size_t columns, size_t depth,
                          int accumulate) {
  if (rows == 3 && b.halves)
    few_rows(3, CELL_HALF, c, c_stride, a, a_stride, b.halves, &b, columns, depth, accumulate);
  else if (rows == 3)
    few_rows(3, CELL_CODE, c, c_stride, a, a_stride, b.codes, &b, columns, depth, accumulate);
  else if (rows == 1 && b.halves)
    few_rows(1, CELL_HALF, c, c_stride, a, a_stride, b.halves, &b, columns, depth, accumulate);
  else if (rows == 1)
    few_rows(1, CELL_CODE, c, c_stride, a, a_stride, b.codes, &b, columns, depth, accumulate);
  else
    many_rows(c, c_stride, a, a_stride, rows, &b, floats, columns, depth, accumulate);
}

/* Weights [rows, CK_KEYS] of values that are codes take over their scales. */
ALWAYS_INLINE void scale_weights(float *weights, size_t stride, size_t rows,
                                 const ck_key_block *block, size_t low, size_t high) {
  if (block->values) return;
  for (size_t row = 0; row < rows; row++)
    for (size_t j = low; j < high; j += LANES) {
      float *cell = weights + row * stride + j;
      save(cell, mul(load(cell), load_half(block->value_scales + j)));
    }
}

ALWAYS_INLINE void mask_row(float *scores, column_range range, int32_t low, int32_t high) {
  for (size_t j = range.low; j < range.high; j += LANES)
    save(scores + j, where_between(load(scores + j), indices((float)j), (float)low, (float)high));
}

/* Scores of one row become weights; the running maximum, total and output follow. */
ALWAYS_INLINE void online_softmax(const attention_scratch *s, size_t row, size_t width,
                                  column_range range) {
  float *scores = s->scores + row * CK_KEYS;
  lanes most_lanes = all(s->largest[row]);
  for (size_t j = range.low; j < range.high; j += LANES)
    most_lanes = most(most_lanes, load(scores + j));
  float largest = most_of(most_lanes);
  /* Where all is masked the weights become 0 whatever is subtracted. A score that is not a number
   * does not show in the maximum, but in the weights: it must not get lost here. */
  lanes offset = all(largest == -INFINITY ? 0 : largest), sums = all(0);
  for (size_t j = range.low; j < range.high; j += LANES) {
    lanes weight = exp2_lanes(sub(load(scores + j), offset));
    sums = add(sums, weight);
    save(scores + j, weight);
  }
  if (largest != s->largest[row]) {
    lanes correction = exp2_lanes(sub(all(s->largest[row]), offset));
    float *out = s->sums + row * width, first[LANES];
    for (size_t c = 0; c < width; c += LANES) save(out + c, mul(load(out + c), correction));
    save(first, correction);
    s->total[row] *= first[0];
    s->largest[row] = largest;
  }
  s->total[row] += sum_of(sums);
}

static void flash_block(const attention_scratch *s, const ck_query_tile *tile,
                        const ck_key_block *block) {
  column_range range = columns_seen(tile, block);
  if (range.low >= range.high) return;
  size_t width = tile->width, rows = tile->positions * tile->group;
  size_t columns = range.high - range.low;
  cache_product(s->scores + range.low, CK_KEYS, s->queries, width, rows,
                keys_from(block, range.low), s->keys, columns, width, 0);
  for (size_t row = 0; row < rows; row++) {
    if (range.is_masked) {
      int32_t position = tile->position + (int32_t)(row / tile->group);
      mask_row(s->scores + row * CK_KEYS, range, visible_low(block, position),
               visible_high(block, position));
    }
    online_softmax(s, row, width, range);
  }
  scale_weights(s->scores, CK_KEYS, rows, block, range.low, range.high);
  cache_product(s->sums, width, s->scores + range.low, CK_KEYS, rows,
                values_from(block, range.low, width), s->values, width, columns, 1);
}

static void flash(const ck_query_tile *tile, const ck_key_block *blocks, size_t count,
                  float *scratch) {
  size_t width = tile->width, rows = tile->positions * tile->group;
  attention_scratch s = divide_scratch(scratch, width);
  const float *gathered = NULL;
  memset(s.sums, 0, rows * width * sizeof *s.sums);
  for (size_t row = 0; row < rows; row++) {
    s.largest[row] = -INFINITY;
    s.total[row] = 0;
  }
  for (size_t b = 0; b < count; b++) {
    const float *queries = queries_for(tile, blocks + b);
    if (queries != gathered) gather_queries(s.queries, tile, queries, 0, rows, !blocks->keys);
    gathered = queries;
    flash_block(&s, tile, blocks + b);
  }
  for (size_t row = 0; row < rows; row++) {
    float *out = tile->out + row / tile->group * tile->stride + row % tile->group * width;
    lanes factor = all(s.total[row] == 0 ? 0 : 1 / s.total[row]);
    for (size_t c = 0; c < width; c += LANES)
      save(out + c, mul(load(s.sums + row * width + c), factor));
  }
}

/* Softmax in base 2 of one row of materialised scores; -inf everywhere gives zeros. */
static void softmax2(float *x, size_t count) {
  lanes largest = all(-INFINITY), sums = all(0);
  for (size_t j = 0; j < count; j += LANES) largest = most(largest, load(x + j));
  lanes offset = all(most_of(largest));
  if (most_of(largest) == -INFINITY) offset = all(0);
  for (size_t j = 0; j < count; j += LANES) {
    lanes weight = exp2_lanes(sub(load(x + j), offset));
    sums = add(sums, weight);
    save(x + j, weight);
  }
  float total = sum_of(sums);
  lanes factor = all(total == 0 ? 0 : 1 / total);
  for (size_t j = 0; j < count; j += LANES) save(x + j, mul(load(x + j), factor));
}

/* All scores, then all softmaxes, then all sums: three passes over a [rows, keys] matrix. */
static void dense(const ck_query_tile *tile, const ck_key_block *blocks, size_t count,
                  float *scores, float *scratch) {
  size_t width = tile->width, rows = tile->positions * tile->group, keys = count * CK_KEYS;
  attention_scratch s = divide_scratch(scratch, width);
  const column_range whole = {0, CK_KEYS, 0};
  for (size_t first = 0; first < rows; first += CK_FLASH_ROWS) {
    size_t part = rows - first < CK_FLASH_ROWS ? rows - first : CK_FLASH_ROWS;
    gather_queries(s.queries, tile, tile->queries, first, part, count > 0 && !blocks->keys);
    for (size_t b = 0; b < count; b++)
      cache_product(scores + first * keys + b * CK_KEYS, keys, s.queries, width, part,
                    keys_from(blocks + b, 0), s.keys, CK_KEYS, width, 0);
  }
  for (size_t row = 0; row < rows; row++) {
    int32_t position = tile->position + (int32_t)(row / tile->group);
    float *line = scores + row * keys;
    for (size_t b = 0; b < count; b++) {
      int32_t low = visible_low(blocks + b, position), high = visible_high(blocks + b, position);
      if (low > 0 || high < CK_KEYS) mask_row(line + b * CK_KEYS, whole, low, high);
    }
    softmax2(line, keys);
  }
  for (size_t first = 0; first < rows; first += CK_FLASH_ROWS) {
    size_t part = rows - first < CK_FLASH_ROWS ? rows - first : CK_FLASH_ROWS;
    memset(s.sums, 0, part * width * sizeof *s.sums);
    for (size_t b = 0; b < count; b++) {
      float *weights = scores + first * keys + b * CK_KEYS;
      scale_weights(weights, keys, part, blocks + b, 0, CK_KEYS);
      cache_product(s.sums, width, weights, keys, part, values_from(blocks + b, 0, width),
                    s.values, width, CK_KEYS, 1);
    }
    for (size_t row = first; row < first + part; row++)
      memcpy(tile->out + row / tile->group * tile->stride + row % tile->group * width,
             s.sums + (row - first) * width, width * sizeof *s.sums);
  }
}
