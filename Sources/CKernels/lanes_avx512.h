/* Sixteen floats at a time, for vector_kernels.h. */
#define LANES 16
/* Rows of a product's register tile: 12 x 16 floats, the weights' column used twelve times. */
#define PRODUCT_ROWS 12

typedef __m512 lanes;

ALWAYS_INLINE lanes load(const float *p) { return _mm512_loadu_ps(p); }
ALWAYS_INLINE void save(float *p, lanes v) { _mm512_storeu_ps(p, v); }
ALWAYS_INLINE lanes all(float value) { return _mm512_set1_ps(value); }
ALWAYS_INLINE lanes add(lanes a, lanes b) { return _mm512_add_ps(a, b); }
ALWAYS_INLINE lanes sub(lanes a, lanes b) { return _mm512_sub_ps(a, b); }
ALWAYS_INLINE lanes mul(lanes a, lanes b) { return _mm512_mul_ps(a, b); }
ALWAYS_INLINE lanes divide(lanes a, lanes b) { return _mm512_div_ps(a, b); }
/* a * b + c */
ALWAYS_INLINE lanes multiply_add(lanes a, lanes b, lanes c) { return _mm512_fmadd_ps(a, b, c); }
/* The larger and the smaller; NaN if b is. */
ALWAYS_INLINE lanes most(lanes a, lanes b) { return _mm512_max_ps(a, b); }
ALWAYS_INLINE lanes least(lanes a, lanes b) { return _mm512_min_ps(a, b); }

ALWAYS_INLINE lanes load_half(const ck_half *p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}
ALWAYS_INLINE void save_half(ck_half *p, lanes v) {
  _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
ALWAYS_INLINE lanes load_brain(const uint16_t *p) {
  __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

ALWAYS_INLINE lanes load_codes(const int8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}

/* Each lane's 32 bits, shifted right by `shift` and masked with 15, as floats. */
ALWAYS_INLINE lanes nibbles(const void *p, int shift) {
  __m512i word = _mm512_srli_epi32(_mm512_loadu_si512(p), (unsigned)shift);
  return _mm512_cvtepi32_ps(_mm512_and_si512(word, _mm512_set1_epi32(15)));
}
/* The signed byte at bit `shift` of each lane's 32 bits, as floats. */
ALWAYS_INLINE lanes signed_bytes(const void *p, int shift) {
  __m512i word = _mm512_slli_epi32(_mm512_loadu_si512(p), (unsigned)(24 - shift));
  return _mm512_cvtepi32_ps(_mm512_srai_epi32(word, 24));
}

ALWAYS_INLINE float sum_of(lanes v) { return _mm512_reduce_add_ps(v); }
ALWAYS_INLINE float most_of(lanes v) { return _mm512_reduce_max_ps(v); }

/* v where low <= index < high, else -inf. */
ALWAYS_INLINE lanes where_between(lanes v, lanes index, float low, float high) {
  __mmask16 inside = _mm512_cmp_ps_mask(index, all(low), _CMP_GE_OQ) &
                     _mm512_cmp_ps_mask(index, all(high), _CMP_LT_OQ);
  return _mm512_mask_blend_ps(inside, all(-INFINITY), v);
}
ALWAYS_INLINE lanes indices(float first) {
  return add(all(first), _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* round(x), and 2^round(x) for -127 <= x <= 128. */
ALWAYS_INLINE lanes nearest(lanes x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
ALWAYS_INLINE lanes power_of_two(lanes whole) {
  __m512i exponent = _mm512_add_epi32(_mm512_cvtps_epi32(whole), _mm512_set1_epi32(127));
  return _mm512_castsi512_ps(_mm512_slli_epi32(exponent, 23));
}

/* (a0 + i b0, ...) rotated by pairs: cosines and sines are given once per pair. */
ALWAYS_INLINE lanes twice_each(const float *p) {
  const __m512i pairs = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  return _mm512_permutexvar_ps(pairs, _mm512_castps256_ps512(_mm256_loadu_ps(p)));
}
ALWAYS_INLINE lanes rotate_pairs(lanes x, lanes cosines, lanes sines) {
  /* fmaddsub subtracts in even lanes and adds in odd ones. */
  return _mm512_fmaddsub_ps(x, cosines, mul(_mm512_permute_ps(x, 0xb1), sines));
}
