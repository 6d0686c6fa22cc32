# filled when the layers stand
