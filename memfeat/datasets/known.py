"""Files of sets whose bytes are known, by their hashes."""

from collections.abc import Mapping

__all__ = ["FILES", "PLACES"]

#: set -> file -> sha256 of its bytes. Files in the authors' form, which agree in size with those of the
#: authors' repository (of rim2025, five were compared) and, but for rim2025, in their last lines.
FILES: Mapping[str, Mapping[str, str]] = {
    "rim2025": {
        "set1_compressibility.csv": "e3e3941380cd7c16a5015a44ee38c8b34bdaaac65692d5f722735cb9589eece2",
        "set1_memorability.csv": "62ebbf3760faf44cc4bb71f31ced8b80fcfab4315b66d31fab9250d3f0a8594e",
        "set1_naturalness.csv": "57f9f8c6c65decfcaee77f32754795c138a5ee8657b3ef5e7b6da51f2282398a",
        "set1_resmem.csv": "f4dad384c107cde6cd3329a4f055255e2e9235d170b6b7e6f25f263839ea8d05",
        "set1_vitnat.csv": "fe9ae82fb30c6546f8dff28d04f4565b6c9e662d7e8cdf1ef11711a8e62a2f49",
        "set2_compressibility.csv": "0f7d9006338d2f06eb2c55234446db58e0603efddc622f04741271f2faa4d74f",
        "set2_memorability.csv": "e8e0285035edaeee3b1b9ef897e81f33127578b447ed51908570a3079139f59a",
        "set2_naturalness.csv": "ef53a3c2870a602c216dcb12ba1bc1128cad48fbf20f662a06da4d041687031e",
        "set2_resmem.csv": "1fdacd4922238235adbc6eca7eb3102c3e2bd6f3fb0878b4512bc4e71dce7e08",
        "set2_vitnat.csv": "865eb26a99e9bb221233d279ca606a4d0266a4985de401f1ac8abb02aec01468",
    },
    "reconmem_isola": {
        "Isola_layer_1_dist_rec.csv": "5c1dc2f1343218ebe2e24b293a40cd231fd6d92f6059716bac2d648ff3380c56",
        "Isola_layer_2_dist_rec.csv": "01d91a2cf194c8c591cabbe354d08dd727d1b4af7adb4eb8b2068843907e2a9d",
        "Isola_layer_3_dist_rec.csv": "ef7757f51108d0dca1c4a837676b33c876f5ca9ae171e1a6cf74ffae168af9e0",
        "Isola_layer_4_dist_rec.csv": "fdac0459306818ae444016192f4da9f1d4cdb150006145f05a3d46ee146b6767",
        "Isola_layer_5_dist_rec.csv": "9c9144db07919bfab458ab282478c94766248e4ea3eb1d272a0bfb0f73afe860",
        "Isola_layer_6_dist_rec.csv": "8d8ed9efc2507bee3fb2b05944abd508f3ab8002b91de58a27d8b0b9d92193b4",
        "Isola_layer_7_dist_rec.csv": "ef3ffbbb2309ace4aeabede16768498eb92c4cb9e6b4ae51eff558d707c499cd",
    },
    "rocks480": {
        "info/Rocks480_general.csv": "1c37ab1a3bccb0d32b6c1ee31ddf4846b738d91c5a99c3ecbd4fbd10bcf8dec3",
        "info/Rocks480_MDS8_solution.csv": "a0b2501e08be35cec8b4188f15d47905b808603c78eb63928224b6376f854281",
        "info/Rocks480_distinctiveness.csv": "64ae1fd847a6b2c2725ac084902ae34e6e62a347a9a4a170190efad2c748c244",
    },
    "things_concepts": {
        "coef_embed.csv": "c8d3f8ee35336c4b7d70da031bbfad9c1d2f73ef9d8f353c8b050f8543ca5a80",
        "concept_embeddings_cr_cat_16eu.csv": "8c7035a269806aa2c8ee1bbf370702145ce828069588bc09ea261c870a6c9b85",
        "concept_embeddings_cr_cat_3hbp.csv": "65d6f5c4e8cdc4567d1cb1da1db345e9c2c559aebf667bda0babc3272ff8ec2f",
        "human_rated_typicality.csv": "9e896415e38bf1d4317f039598220c960b1bcbf50cdff8955f55f43ae38a32cb",
        "memorability_score_by_concepts.csv": "7af44c62fd8c25497fdd9ead6721f920d10f925d72966ef9d0b2b894f4e717de",
    },
}
#: set -> where its files may lie in a folder, if not in the folder itself: as in the authors' repository
PLACES = {"rim2025": "data/image_level_measure/", "reconmem_isola": "data/", "things_concepts": "data/"}
