/* Products with packed weights on matrix units; included by amx.c.
 *
 * One or two tiles of weights become a panel, and all rows are multiplied with it, 32 at a time: so
 * weights are brought into tile form once for all rows. Panels lie in the second-level cache, as
 * the rows do, which is near enough. */

/* Columns of a panel, unless its sums may not be taken in pieces. */
#define PANEL_COLUMNS 576

/* The rows that do not fill 32: through a buffer, so that nothing beyond them is written. */
#define COPY_ROWS(to, to_stride, from, from_stride, rows, columns)                                 \
  for (size_t i_ = 0; i_ < (rows); i_++)                                                           \
  memcpy((to) + i_ * (to_stride), (from) + i_ * (from_stride), (columns) * sizeof *(to))

/* Rows i... of what is multiplied, from a panel's first column on. */
ALWAYS_INLINE ck_brains rows_from(ck_brains x, size_t i, size_t columns, size_t first) {
  size_t at = i * columns + first * TILE_ROWS;
  return (ck_brains){x.high + at, x.low ? x.low + at : NULL};
}

/* All rows with one panel, whose first column is `first`: out [rows, 16 or 32]. `next` is where the
 * next panel's results go. */
ALWAYS_INLINE void multiply_panel(ck_brains x, float *out, const float *next, size_t out_stride,
                                  size_t rows, size_t columns, panel panel, size_t first,
                                  int accumulate, int is_exact, int has_second) {
  _Alignas(64) float rest[4 * TILE_ROWS * TILE_ROWS];
  size_t width = has_second ? 2 * CK_TILE : CK_TILE;
  for (size_t i = 0; i < rows; i += 2 * TILE_ROWS) {
    float *c = out + i * out_stride, *to = c;
    size_t stride = out_stride, some = rows - i;
    int is_whole = some >= 2 * TILE_ROWS;
    if (!is_whole) {
      if (accumulate) COPY_ROWS(rest, 32, c, out_stride, some, width);
      to = rest;
      stride = 32;
    }
    if (accumulate) load_sums(to, stride, has_second);
    else clear_sums();
    target soon = {some > 2 * TILE_ROWS ? c + 2 * TILE_ROWS * out_stride : next, out_stride};
    sum_rows(rows_from(x, i, columns, first), TILE_ROWS * columns, panel, soon, is_exact,
             has_second);
    save_sums(to, stride, has_second);
    if (!is_whole) COPY_ROWS(c, out_stride, rest, 32, some, width);
  }
}

/* Panels of all tiles for some columns, then for the next: so rows are read from a cache. */
ALWAYS_INLINE void product_with(ck_brains x, float *out, size_t out_stride, size_t rows,
                                const uint8_t *tiles, size_t tile_count, ck_packing packing,
                                size_t columns, int accumulate, int is_exact) {
  _Alignas(64) uint16_t high[2 * CK_TILE * PANEL_COLUMNS];
  _Alignas(64) uint16_t low[2 * CK_TILE * PANEL_COLUMNS];
  size_t tile_size = ck_tile_size(packing, columns);
  size_t pieces = (columns + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
  size_t piece = (columns / CK_BLOCK + pieces - 1) / pieces * CK_BLOCK;
  for (size_t first = 0; first < columns; first += piece) {
    size_t depth = columns - first < piece ? columns - first : piece;
    panel panel = {high, low, depth, depth * CK_TILE};
    int adds = accumulate || first > 0;
    for (size_t t = 0; t < tile_count; t += 2) {
      int has_second = t + 1 < tile_count;
      for (size_t s = 0; s <= (size_t)has_second; s++) {
        size_t at = s * depth * CK_TILE;
        fill_panel(high + at, is_exact ? low + at : NULL, tiles + (t + s) * tile_size, packing,
                   columns, first, depth);
      }
      float *c = out + t * CK_TILE;
      const float *next = t + 2 < tile_count ? c + 2 * CK_TILE : out;
      if (has_second)
        multiply_panel(x, c, next, out_stride, rows, columns, panel, first, adds, is_exact, 1);
      else
        multiply_panel(x, c, next, out_stride, rows, columns, panel, first, adds, is_exact, 0);
    }
  }
}

static void product(float *out, size_t out_stride, ck_brains x, size_t rows, const void *tiles,
                    size_t tile_count, ck_packing packing, size_t columns, int accumulate) {
  begin_tiles();
  if (x.low)
    product_with(x, out, out_stride, rows, tiles, tile_count, packing, columns, accumulate, 1);
  else
    product_with(x, out, out_stride, rows, tiles, tile_count, packing, columns, accumulate, 0);
  _tile_release();
}

/* ---- The gated product ---- */

/* gate * sigmoid(gate) * up of 32 rows of sums [32, gate 16 and up 16], into 16 columns of the rows
 * of `high` and `low`, which are in tile form, `next_rows` being as for sum_rows. The reciprocal
 * has an error below 2^-22. */
ALWAYS_INLINE void save_gated(const float *sums, uint16_t *high, uint16_t *low, size_t next_rows) {
#pragma clang loop unroll_count(4)
  for (size_t i = 0; i < 2 * TILE_ROWS; i++, sums += 2 * CK_TILE) {
    lanes gate = load(sums), up = load(sums + CK_TILE);
    lanes power = least(all(126), mul(gate, all(-1.44269504088896340736f)));
    lanes divisor = add(all(1), weight_of(power, 1));
    lanes inverse = _mm512_rcp14_ps(divisor);
    inverse = mul(inverse, sub(all(2), mul(divisor, inverse)));
    lanes value = mul(mul(gate, inverse), up);
    size_t at = i / TILE_ROWS * next_rows + i % TILE_ROWS * DEPTH;
    __m256i part = (__m256i)_mm512_cvtneps_pbh(value);
    _mm256_storeu_si256((__m256i *)(high + at), part);
    if (!low) continue;
    __m512i wide = _mm512_slli_epi32(_mm512_cvtepu16_epi32(part), 16);
    lanes rest = sub(value, _mm512_castsi512_ps(wide));
    _mm256_storeu_si256((__m256i *)(low + at), (__m256i)_mm512_cvtneps_pbh(rest));
  }
}

/* One tile of the gate's weights and one of the other's make a panel. The units work on 32 rows
 * while vectors finish the 32 before. */
ALWAYS_INLINE void gated_with(uint16_t *high, uint16_t *low, size_t out_columns, ck_brains x,
                              size_t rows, const ck_tiles *gate, const ck_tiles *up,
                              size_t tile_count, size_t columns, int is_exact) {
  _Alignas(64) uint16_t weights[2][2 * CK_TILE * CK_GATED_COLUMNS];
  _Alignas(64) float sums[2][4 * TILE_ROWS * TILE_ROWS];
  panel panel = {weights[0], weights[1], columns, columns * CK_TILE};
  const target none = {NULL, 0};
  for (size_t t = 0; t < tile_count; t++) {
    for (size_t s = 0; s < 2; s++) {
      const ck_tiles *from = s ? up : gate;
      size_t at = s * columns * CK_TILE;
      fill_panel(weights[0] + at, is_exact ? weights[1] + at : NULL,
                 (const uint8_t *)from->tiles + t * ck_tile_size(from->packing, columns),
                 from->packing, columns, 0, columns);
    }
    size_t to = t / 2 * TILE_COUNT + t % 2 * CK_TILE, step = TILE_ROWS * out_columns;
    size_t i = 0;
    for (; i < rows; i += 2 * TILE_ROWS) {
      clear_sums();
      sum_rows(rows_from(x, i, columns, 0), TILE_ROWS * columns, panel, none, is_exact, 1);
      if (i > 0) {
        size_t before = to + (i - 2 * TILE_ROWS) * out_columns;
        save_gated(sums[(i / 32 + 1) % 2], high + before, is_exact ? low + before : NULL, step);
      }
      save_sums(sums[i / 32 % 2], 32, 1);
    }
    size_t before = to + (i - 2 * TILE_ROWS) * out_columns;
    save_gated(sums[(i / 32 + 1) % 2], high + before, is_exact ? low + before : NULL, step);
  }
}

static void gated_product(uint16_t *high, uint16_t *low, size_t out_columns, ck_brains x,
                          size_t rows, const ck_tiles *gate, const ck_tiles *up, size_t tile_count,
                          size_t columns) {
  begin_tiles();
  if (x.low) gated_with(high, low, out_columns, x, rows, gate, up, tile_count, columns, 1);
  else gated_with(high, low, out_columns, x, rows, gate, up, tile_count, columns, 0);
  _tile_release();
}
