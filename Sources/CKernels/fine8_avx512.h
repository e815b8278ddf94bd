/* Products of 8-bit activations with FINE8 tiles, for avx512.c.
 *
 * The dot product wants unsigned weights, so the weight's sign moves to the activation. */

/* Some activation rows and a whole tile. Inlined with constant `rows`. */
ALWAYS_INLINE void fine8_rows(int rows, float *out, size_t out_stride, ck_codes x,
                              const uint8_t *tile, size_t columns, int accumulate) {
  const __m512i zero = _mm512_setzero_si512();
  const uint8_t *fine = tile + columns * 16;
  const ck_half *coarse = (const ck_half *)(tile + columns * 17);
  size_t blocks = columns / CK_BLOCK;
  lanes sums[8];
#pragma unroll
  for (int i = 0; i < rows; i++) sums[i] = all(0);
  for (size_t k = 0; k < columns; k += 16) {
    __m512i parts[8];
#pragma unroll
    for (int i = 0; i < rows; i++) parts[i] = zero;
#pragma unroll
    for (size_t g = 0; g < 4; g++) {
      __m512i weights = _mm512_loadu_si512(tile + k * 16 + g * 64);
      __mmask64 is_negative = _mm512_movepi8_mask(weights);
      __m512i magnitudes = _mm512_abs_epi8(weights);
#pragma unroll
      for (int i = 0; i < rows; i++) {
        __m512i four = four_codes(x.codes + (size_t)i * columns + k + 4 * g);
        four = _mm512_mask_sub_epi8(four, is_negative, zero, four);
        parts[i] = _mm512_dpbusd_epi32(parts[i], magnitudes, four);
      }
    }
    __m512i s = _mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(fine + k)));
    lanes d = mul(_mm512_cvtepi32_ps(s), load_half(coarse + k / CK_SUPERBLOCK * 16));
#pragma unroll
    for (int i = 0; i < rows; i++) {
      lanes factor = mul(d, all(x.scales[(size_t)i * blocks + k / CK_BLOCK]));
      sums[i] = multiply_add(_mm512_cvtepi32_ps(parts[i]), factor, sums[i]);
    }
  }
  write_out(out, out_stride, sums, rows, accumulate);
}

static void product_fine8(float *out, size_t out_stride, ck_codes x, size_t rows,
                          const uint8_t *tile, size_t columns, int accumulate) {
  size_t blocks = columns / CK_BLOCK;
  for (size_t i = 0; i < rows;) {
    ck_codes from = {x.codes + i * columns, x.scales + i * blocks, x.sums + i * blocks};
    int is_eight = i + 8 <= rows;
    float *to = out + i * out_stride;
    if (is_eight) fine8_rows(8, to, out_stride, from, tile, columns, accumulate);
    else fine8_rows(1, to, out_stride, from, tile, columns, accumulate);
    i += is_eight ? 8 : 1;
  }
}
