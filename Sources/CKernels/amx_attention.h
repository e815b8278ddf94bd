/* Flash attention on matrix units; included by amx.c.
 *
 * Keys come in groups of 16, the columns of one register. Up to GROUPS of them, wherever they lie,
 * are brought into tile form together; then every 32 rows of queries go over them: scores, online
 * softmax in base 2, weighted sums. What a row sees of other groups is masked out. */

/* Groups of keys in tile form at a time: 256 keys. */
#define GROUPS 16
/* Floats from one row of scores to the next: more than a row has, as powers of two would share
 * few places in the cache. */
#define LINE (GROUPS * 16 + 16)
/* Rows of queries that go over them at a time. */
#define STEP 32
/* The running maximum may lag behind by so many powers of two before sums are rescaled: weights up
 * to 2^8 lose nothing, and most rescaling never happens. */
#define LAG 8

/* Where a group of keys comes from. */
typedef struct key_group {
  const ck_key_block *block;
  size_t column;
} key_group;

typedef struct matrix_scratch {
  uint16_t *queries;  /* [2, parts, CK_MATRIX_ROWS / 16, width / 32, 16, 32], scaled: as they look
                       * at most keys, then as they look at the sinks */
  uint16_t *keys;     /* [parts, GROUPS, width / 2, 16, 2] */
  uint16_t *values;   /* [parts, width / 16, GROUPS / 2, 16, 16, 2] */
  uint16_t *weights;  /* [parts, 2, GROUPS / 2, 16, 32] */
  float *scores;      /* [STEP, GROUPS * 16] */
  float *sums;        /* [CK_MATRIX_ROWS, width], the running output */
  float *totals;      /* [CK_MATRIX_ROWS, 16], by lanes */
  float *largest;     /* [CK_MATRIX_ROWS], what weights are relative to */
} matrix_scratch;

ALWAYS_INLINE void *take(char **next, size_t bytes) {
  void *start = *next;
  *next += (bytes + 63) / 64 * 64;
  return start;
}

static matrix_scratch divide_matrix_scratch(void *scratch, size_t width) {
  matrix_scratch s;
  char *next = scratch;
  s.queries = take(&next, 2 * 4 * CK_MATRIX_ROWS * width);
  s.keys = take(&next, 4 * GROUPS * 16 * width);
  s.values = take(&next, 4 * GROUPS * 16 * width);
  s.weights = take(&next, 4 * STEP * GROUPS * 16);
  s.scores = take(&next, 4 * STEP * LINE);
  s.sums = take(&next, 4 * CK_MATRIX_ROWS * width);
  s.totals = take(&next, 4 * CK_MATRIX_ROWS * 16);
  s.largest = take(&next, 4 * CK_MATRIX_ROWS);
  return s;
}

/* Scaled queries, row = position * group + head, turned where the keys are codes; zeros fill up the
 * last 32 rows. */
static void split_queries(const matrix_scratch *s, const ck_query_tile *tile, const float *queries,
                          uint16_t *out, size_t rows, int are_codes, int is_exact) {
  size_t width = tile->width, padded = (rows + STEP - 1) / STEP * STEP;
  float turned = are_codes ? (float)ck_hadamard_size(width) : 1;
  lanes factor = all(tile->scale * 1.44269504088896340736f / turned);
  for (size_t row = 0; row < padded; row++) {
    const float *query = queries + row / tile->group * tile->stride + row % tile->group * width;
    uint16_t *high = out + row / 16 * 16 * width + row % 16 * DEPTH;
    uint16_t *low = is_exact ? high + CK_MATRIX_ROWS * width : NULL;
    float *scaled = s->scores; /* not in use yet */
    for (size_t c = 0; c < width; c += LANES)
      save(scaled + c, row < rows ? mul(load(query + c), factor) : all(0));
    if (are_codes) ck_hadamard(scaled, width);
    for (size_t c = 0; c < width; c += DEPTH)
      save_row(high + c * 16, low ? low + c * 16 : NULL, load(scaled + c),
               load(scaled + c + LANES));
  }
}

/* Sixteen codes as floats. */
ALWAYS_INLINE lanes load_bytes(const int8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

/* Keys and values of one group of codes in tile form. */
static void load_codes_group(const matrix_scratch *s, key_group from, size_t g, size_t width,
                             int is_exact) {
  const int8_t *keys = from.block->key_codes + from.column;
  const int8_t *values = from.block->value_codes + from.column * width;
  lanes key_scales = load_half(from.block->key_scales + from.column);
  float scales[LANES];
  save(scales, load_half(from.block->value_scales + from.column));
  size_t part = GROUPS * 16 * width;
  uint16_t *to = s->keys + g * 16 * width;
  for (size_t c = 0; c < width; c += 2, to += 32)
    save_pairs(to, is_exact ? to + part : NULL, mul(load_bytes(keys + c * CK_KEYS), key_scales),
               mul(load_bytes(keys + (c + 1) * CK_KEYS), key_scales));
  to = s->values + g * 256;
  for (size_t c = 0; c < width; c += LANES, to += GROUPS * 256)
    for (size_t j = 0; j < 8; j++) {
      const int8_t *row = values + 2 * j * width + c;
      save_pairs(to + j * 32, is_exact ? to + j * 32 + part : NULL,
                 mul(load_bytes(row), all(scales[2 * j])),
                 mul(load_bytes(row + width), all(scales[2 * j + 1])));
    }
}

/* Keys and values of one group in tile form. */
static void load_group(const matrix_scratch *s, key_group from, size_t g, size_t width,
                       int is_exact) {
  if (!from.block->keys) {
    load_codes_group(s, from, g, width, is_exact);
    return;
  }
  const ck_half *keys = from.block->keys + from.column;
  const ck_half *values = from.block->values + from.column * width;
  size_t part = GROUPS * 16 * width;
  uint16_t *to = s->keys + g * 16 * width;
  for (size_t c = 0; c < width; c += 2, to += 32)
    save_pairs(to, is_exact ? to + part : NULL, load_half(keys + c * CK_KEYS),
               load_half(keys + (c + 1) * CK_KEYS));
  to = s->values + g * 256;
  for (size_t c = 0; c < width; c += LANES, to += GROUPS * 256)
    for (size_t j = 0; j < 8; j++)
      save_pairs(to + j * 32, is_exact ? to + j * 32 + part : NULL,
                 load_half(values + 2 * j * width + c),
                 load_half(values + (2 * j + 1) * width + c));
}

/* Values of a group that is not there, which weights of zero are multiplied with. */
static void clear_values(const matrix_scratch *s, size_t g, size_t width, int is_exact) {
  uint16_t *to = s->values + g * 256;
  for (size_t c = 0; c < width; c += LANES, to += GROUPS * 256) {
    memset(to, 0, 512);
    if (is_exact) memset(to + GROUPS * 16 * width, 0, 512);
  }
}

/* Where the second set of queries begins. */
ALWAYS_INLINE size_t sink_offset(size_t width) { return 2 * CK_MATRIX_ROWS * width; }

/* scores [32, count * 16] of 32 rows of one set of queries; count is even. */
ALWAYS_INLINE void score_groups(const matrix_scratch *s, const uint16_t *queries, size_t row,
                                size_t count, size_t width, int is_exact) {
  const size_t line = GROUPS * 16, part = line * width;
  queries += row * width;
  const ck_brains rows = {queries, is_exact ? queries + CK_MATRIX_ROWS * width : NULL};
  const target none = {NULL, 0};
  for (size_t g = 0; g < count; g += 2) {
    const uint16_t *from = s->keys + g * 16 * width;
    const panel keys = {from, from + part, width, 16 * width};
    clear_sums();
    sum_rows(rows, 16 * width, keys, none, is_exact, 1);
    save_sums(s->scores + g * 16, LINE, 1);
  }
}

/* 2^x for x <= LAG + 1; 0 for x <= -126, NaN for NaN. Taylor's series on |f| <= 1/2: relative error
 * below 3e-7 if exact, else below 4e-5, a hundredth of what bfloat16 rounds away. */
ALWAYS_INLINE lanes weight_of(lanes x, int is_exact) {
  __mmask16 shows = _mm512_cmp_ps_mask(x, all(-126), _CMP_NLE_UQ);
  lanes whole = nearest(x), f = sub(x, whole), p;
  if (is_exact) {
    p = multiply_add(all(1.5403530393381609e-4f), f, all(1.3333558146428443e-3f));
    p = multiply_add(p, f, all(9.618129107628477e-3f));
    p = multiply_add(p, f, all(5.550410866482158e-2f));
  } else {
    p = multiply_add(all(9.618129107628477e-3f), f, all(5.550410866482158e-2f));
  }
  p = multiply_add(p, f, all(2.402265069591007e-1f));
  p = multiply_add(p, f, all(6.931471805599453e-1f));
  p = multiply_add(p, f, all(1));
  return _mm512_maskz_scalef_ps(shows, p, whole);
}

/* What lies outside low..<high of a block becomes -inf in the group's 16 scores. */
ALWAYS_INLINE void mask_group(float *scores, key_group group, int32_t position) {
  int32_t low = visible_low(group.block, position) - (int32_t)group.column;
  int32_t high = visible_high(group.block, position) - (int32_t)group.column;
  if (low <= 0 && high >= 16) return;
  save(scores, where_between(load(scores), indices(0), (float)low, (float)high));
}

/* Whether some row of first...last sees less than all of a group. */
ALWAYS_INLINE int hides(key_group group, int32_t first, int32_t last) {
  int32_t low = visible_low(group.block, last), high = visible_high(group.block, first);
  return low > (int32_t)group.column || high < (int32_t)group.column + 16;
}

/* Multiplies a row's sums and totals, because its weights are relative to a new maximum. */
static void rescale(const matrix_scratch *s, size_t row, size_t width, float largest) {
  float old = s->largest[row];
  s->largest[row] = largest;
  if (old == -INFINITY) return;
  lanes factor = weight_of(all(old - largest), 1);
  float *sums = s->sums + row * width, *totals = s->totals + row * 16;
  save(totals, mul(load(totals), factor));
  for (size_t c = 0; c < width; c += LANES) save(sums + c, mul(load(sums + c), factor));
}

/* One row's scores become weights, in parts; its total follows. `count` is even. */
ALWAYS_INLINE void weigh_row(const matrix_scratch *s, size_t row, size_t count, size_t width,
                             int is_exact) {
  const size_t line = GROUPS * 16;
  float *scores = s->scores + row % STEP * LINE;
  uint16_t *high = s->weights + row % STEP / 16 * 16 * line + row % 16 * DEPTH;
  uint16_t *low = is_exact ? high + STEP * line : NULL;
  lanes greatest = load(scores);
  for (size_t j = 16; j < count * 16; j += LANES) greatest = most(greatest, load(scores + j));
  /* With nothing seen before, any finite score is a new maximum. */
  if (_mm512_cmp_ps_mask(greatest, all(s->largest[row] + LAG), _CMP_GT_OQ))
    rescale(s, row, width, most_of(greatest));
  lanes offset = all(s->largest[row] == -INFINITY ? 0 : s->largest[row]);
  lanes total = load(s->totals + row * 16);
  for (size_t j = 0; j < count * 16; j += 2 * LANES) {
    lanes a = weight_of(sub(load(scores + j), offset), is_exact);
    lanes b = weight_of(sub(load(scores + j + LANES), offset), is_exact);
    total = add(total, add(a, b));
    save_row(high + j * 16, low ? low + j * 16 : NULL, a, b);
  }
  save(s->totals + row * 16, total);
}

/* sums [32, width] += weights [32, count * 16] . values; count is even. */
ALWAYS_INLINE void add_values(const matrix_scratch *s, size_t row, size_t count, size_t width,
                              int is_exact) {
  const size_t line = GROUPS * 16, part = line * width;
  const ck_brains weights = {s->weights, is_exact ? s->weights + STEP * line : NULL};
  const target none = {NULL, 0};
  for (size_t c = 0; c < width; c += 32) {
    const uint16_t *from = s->values + c * line;
    const panel values = {from, from + part, count * 16, 16 * line};
    float *to = s->sums + row * width + c;
    load_sums(to, width, 1);
    sum_rows(weights, 16 * line, values, none, is_exact, 1);
    save_sums(to, width, 1);
  }
}

/* All rows of a tile over the groups that are in tile form. */
ALWAYS_INLINE void attend_groups(const matrix_scratch *s, const ck_query_tile *tile, size_t rows,
                                 const key_group *groups, size_t count, int is_exact) {
  int are_sinks = queries_for(tile, groups->block) != tile->queries;
  const uint16_t *queries = s->queries + (are_sinks ? sink_offset(tile->width) : 0);
  size_t even = (count + 1) / 2 * 2;
  if (even > count) clear_values(s, count, tile->width, is_exact);
  for (size_t row = 0; row < rows; row += STEP) {
    size_t last = row + STEP - 1 < rows ? row + STEP - 1 : rows - 1;
    int32_t first_position = tile->position + (int32_t)(row / tile->group);
    int32_t last_position = tile->position + (int32_t)(last / tile->group);
    /* Groups behind the last that some row sees: plans are in order, mostly. */
    size_t seen = count;
    while (seen > 0 && visible_high(groups[seen - 1].block, last_position) <=
                           (int32_t)groups[seen - 1].column)
      seen--;
    if (seen == 0) continue;
    size_t whole = (seen + 1) / 2 * 2;
    score_groups(s, queries, row, whole, tile->width, is_exact);
    if (whole > seen)
      for (size_t i = 0; i < STEP; i++) save(s->scores + i * LINE + seen * 16, all(-INFINITY));
    for (size_t g = 0; g < seen; g++) {
      if (!hides(groups[g], first_position, last_position)) continue;
      for (size_t i = row; i <= last; i++)
        mask_group(s->scores + (i - row) * LINE + g * 16, groups[g],
                   tile->position + (int32_t)(i / tile->group));
    }
    for (size_t i = row; i < row + STEP; i++) weigh_row(s, i, whole, tile->width, is_exact);
    add_values(s, row, whole, tile->width, is_exact);
  }
}

/* Whether a group begins a new batch, `before` being the block of the group before. What a row gets
 * must not depend on the rows of its tile, which decide where a window begins: so a window's keys
 * are batched, and paired, by their positions. */
ALWAYS_INLINE int begins_batch(const ck_key_block *block, int32_t column,
                               const ck_key_block *before) {
  if (block->reach != before->reach || block->is_sink != before->is_sink) return 1;
  return block->reach != INT32_MAX && (block->start + column) % (GROUPS * 16) == 0;
}

ALWAYS_INLINE void flash_with(const ck_query_tile *tile, const ck_key_block *blocks, size_t count,
                              void *scratch, int is_exact) {
  size_t width = tile->width, rows = tile->positions * tile->group;
  size_t padded = (rows + STEP - 1) / STEP * STEP;
  matrix_scratch s = divide_matrix_scratch(scratch, width);
  int are_codes = count > 0 && !blocks->keys;
  split_queries(&s, tile, tile->queries, s.queries, rows, are_codes, is_exact);
  if (tile->sink_queries)
    split_queries(&s, tile, tile->sink_queries, s.queries + sink_offset(width), rows, are_codes,
                  is_exact);
  memset(s.sums, 0, padded * width * sizeof *s.sums);
  memset(s.totals, 0, padded * 16 * sizeof *s.totals);
  for (size_t row = 0; row < padded; row++) s.largest[row] = -INFINITY;

  key_group groups[GROUPS];
  size_t filled = 0;
  int32_t last = tile->position + (int32_t)tile->positions - 1;
  for (const ck_key_block *block = blocks; block < blocks + count; block++) {
    int32_t low = visible_low(block, tile->position), high = visible_high(block, last);
    for (int32_t column = low / 32 * 32; column < high; column += 16) {
      if (filled > 0 && begins_batch(block, column, groups[filled - 1].block)) {
        attend_groups(&s, tile, rows, groups, filled, is_exact);
        filled = 0;
      }
      groups[filled] = (key_group){block, (size_t)column};
      load_group(&s, groups[filled], filled, width, is_exact);
      if (++filled < GROUPS) continue;
      attend_groups(&s, tile, rows, groups, filled, is_exact);
      filled = 0;
    }
  }
  if (filled > 0) attend_groups(&s, tile, rows, groups, filled, is_exact);

  for (size_t row = 0; row < rows; row++) {
    float *out = tile->out + row / tile->group * tile->stride + row % tile->group * width;
    float total = sum_of(load(s.totals + row * 16));
    lanes factor = all(total == 0 ? 0 : 1 / total);
    for (size_t c = 0; c < width; c += LANES)
      save(out + c, mul(load(s.sums + row * width + c), factor));
  }
}

static void flash(const ck_query_tile *tile, const ck_key_block *blocks, size_t count,
                  void *scratch, int is_exact) {
  begin_tiles();
  if (is_exact) flash_with(tile, blocks, count, scratch, 1);
  else flash_with(tile, blocks, count, scratch, 0);
  _tile_release();
}
